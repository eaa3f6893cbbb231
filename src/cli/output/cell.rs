//! A value in one cell, as Vault's tables write it.

use serde_json::Value;

use crate::cli::duration;

/// Texts bare, lists as `[a b]`, objects as `map[k:v]`.
pub fn cell(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(cell).collect::<Vec<_>>().join(" ")),
        Value::Object(members) => {
            let members: Vec<String> = members.iter().map(|(key, value)| format!("{key}:{}", cell(value))).collect();
            format!("map[{}]", members.join(" "))
        }
        other => other.to_string(),
    }
}

/// Seconds as a duration; what is not a number of seconds stays as it is.
pub fn lifetime(value: &Value) -> String {
    match value.as_u64().or_else(|| value.as_str()?.parse().ok()) {
        Some(seconds) => duration::for_people(seconds),
        None => cell(value),
    }
}

/// The value of a member, which its name may make a duration.
pub(super) fn named(key: &str, value: &Value) -> String {
    let ends = ["_ttl", "_period", "_duration", "_lease_max", "_ttl_max"];
    let whole = ["ttl", "period", "duration", "lease_max", "ttl_max"];
    if whole.contains(&key) || ends.iter().any(|end| key.ends_with(end)) { lifetime(value) } else { cell(value) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cells() {
        let values = [json!("x"), json!(null), json!([1, "a"]), json!({"b": 2, "a": [true]}), json!(1.5)];
        assert_eq!(values.each_ref().map(cell), ["x", "<nil>", "[1 a]", "map[a:[true] b:2]", "1.5"]);
    }

    #[test]
    fn names_make_durations() {
        assert_eq!(named("max_lease_ttl", &json!(3600)), "1h");
        assert_eq!(named("ttl", &json!("2h")), "2h");
        assert_eq!(named("count", &json!(3600)), "3600");
    }
}
