//! An answer of the API as rows: a lease and its data, a token, or the token that wraps something.

use serde_json::Value;

use super::cell::{cell, lifetime};
use super::table::object_rows;

/// What the server wants people to know, on standard error.
pub fn warnings(answer: &Value) {
    let given: Vec<&str> = answer["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if given.is_empty() {
        return;
    }
    eprintln!("WARNING! The server returned these warnings:\n");
    for warning in given {
        eprintln!("  * {warning}\n");
    }
}

pub fn rows(answer: &Value) -> Vec<[String; 2]> {
    let mut rows = Vec::new();
    lease(answer, &mut rows);
    if answer["auth"].is_object() {
        auth(&answer["auth"], &mut rows);
    }
    if answer["wrap_info"].is_object() {
        wrapping(&answer["wrap_info"], &mut rows);
    }
    rows.extend(object_rows(&answer["data"]));
    rows
}

fn lease(answer: &Value, rows: &mut Vec<[String; 2]>) {
    let seconds = &answer["lease_duration"];
    if seconds.as_u64().unwrap_or(0) == 0 {
        return;
    }
    let mut add = |key: &str, value: String| rows.push([key.to_owned(), value]);
    match answer["lease_id"].as_str().unwrap_or("") {
        "" => add("refresh_interval", lifetime(seconds)),
        id => {
            add("lease_id", id.to_owned());
            add("lease_duration", lifetime(seconds));
            add("lease_renewable", cell(&answer["renewable"]));
        }
    }
}

fn auth(auth: &Value, rows: &mut Vec<[String; 2]>) {
    let mut add = |key: String, value: String| rows.push([key, value]);
    let of_mfa = &auth["mfa_requirement"];
    if of_mfa.is_object() {
        add("mfa_request_id".into(), cell(&of_mfa["mfa_request_id"]));
        add("mfa_constraint".into(), cell(&of_mfa["mfa_constraints"]));
        return;
    }
    add("token".into(), cell(&auth["client_token"]));
    add("token_accessor".into(), cell(&auth["accessor"]));
    let seconds = &auth["lease_duration"];
    add("token_duration".into(), if seconds.as_u64() == Some(0) { "∞".into() } else { lifetime(seconds) });
    add("token_renewable".into(), cell(&auth["renewable"]));
    for (key, names) in
        [("token_policies", "token_policies"), ("identity_policies", "identity_policies"), ("policies", "policies")]
    {
        add(key.into(), quoted(&auth[names]));
    }
    for (key, value) in auth["metadata"].as_object().into_iter().flatten() {
        add(format!("token_meta_{key}"), cell(value));
    }
}

fn wrapping(info: &Value, rows: &mut Vec<[String; 2]>) {
    let mut add = |key: &str, value: String| rows.push([key.to_owned(), value]);
    add("wrapping_token:", cell(&info["token"]));
    add("wrapping_accessor:", cell(&info["accessor"]));
    add("wrapping_token_ttl:", lifetime(&info["ttl"]));
    add("wrapping_token_creation_time:", cell(&info["creation_time"]));
    add("wrapping_token_creation_path:", cell(&info["creation_path"]));
    if let Some(accessor) = info["wrapped_accessor"].as_str().filter(|accessor| !accessor.is_empty()) {
        add("wrapped_accessor:", accessor.to_owned());
    }
}

/// Names of policies, each in quotes: `["default" "root"]`.
fn quoted(names: &Value) -> String {
    let names: Vec<String> = names.as_array().into_iter().flatten().map(|name| format!("{:?}", cell(name))).collect();
    format!("[{}]", names.join(" "))
}

/// A member of the data, or what the rows call it.
pub(super) fn field<'a>(answer: &'a Value, name: &str) -> Option<&'a Value> {
    let (auth, wrap) = (&answer["auth"], &answer["wrap_info"]);
    let special = match name {
        "token" => auth.get("client_token"),
        "token_accessor" => auth.get("accessor"),
        "token_duration" => auth.get("lease_duration"),
        "token_renewable" => auth.get("renewable"),
        "token_policies" => auth.get("token_policies").or_else(|| auth.get("policies")),
        "identity_policies" | "policies" => auth.get(name),
        "wrapping_token" => wrap.get("token"),
        "wrapping_accessor" => wrap.get("accessor"),
        "wrapping_token_ttl" => wrap.get("ttl"),
        "wrapping_token_creation_time" => wrap.get("creation_time"),
        "wrapping_token_creation_path" => wrap.get("creation_path"),
        "wrapped_accessor" => wrap.get("wrapped_accessor"),
        "lease_id" | "lease_duration" => answer.get(name),
        "lease_renewable" => answer.get("renewable"),
        "refresh_interval" => answer.get("lease_duration"),
        _ => match name.strip_prefix("token_meta_") {
            Some(key) => auth["metadata"].get(key),
            None => None,
        },
    };
    let data = &answer["data"];
    // A value of its own goes before what only happens to be part of the answer.
    data.get(name).or(special).or_else(|| (name == "data" && data.is_object()).then_some(data))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token() {
        let answer = json!({"auth": {"client_token": "s.1", "accessor": "a", "lease_duration": 0, "renewable": false,
            "token_policies": ["root"], "policies": ["root"], "metadata": {"username": "u"}}, "data": null});
        let rows = rows(&answer);
        let value = |key: &str| rows.iter().find(|row| row[0] == key).map(|row| row[1].as_str());
        assert_eq!(value("token_duration"), Some("∞"));
        assert_eq!(value("token_policies"), Some("[\"root\"]"));
        assert_eq!(value("identity_policies"), Some("[]"));
        assert_eq!(value("token_meta_username"), Some("u"));
        assert_eq!(field(&answer, "token"), Some(&json!("s.1")));
    }

    #[test]
    fn a_lease_and_its_data() {
        let answer = json!({"lease_id": "x/1", "lease_duration": 3600, "renewable": true, "data": {"k": "v"}});
        let keys: Vec<String> = rows(&answer).into_iter().map(|[key, _]| key).collect();
        assert_eq!(keys, ["lease_id", "lease_duration", "lease_renewable", "k"]);
        assert_eq!(field(&answer, "nothing"), None);
    }
}
