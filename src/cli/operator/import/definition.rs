//! Something that is a few fields: a policy, a mount's settings, a user, a role. Made where it is not, compared where it is.

use serde_json::{Map, Value};

use super::Import;
use super::report::Outcome;
use crate::cli::failure::Failure;

/// Settles what is at `path` of the target: `here` is what it has, `wanted` what it should have. `new` goes along when it
/// is made.
pub async fn settle(
    import: &Import,
    path: &str,
    here: Option<&Value>,
    wanted: &Map<String, Value>,
    new: Map<String, Value>,
) -> Result<Outcome, Failure> {
    let Some(here) = here else {
        let mut body = wanted.clone();
        body.extend(new);
        import.write(path, &Value::Object(body)).await?;
        return Ok(Outcome::Made);
    };
    let changes: Map<String, Value> = wanted
        .iter()
        .filter(|(key, value)| !alike(&here[key.as_str()], value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if changes.is_empty() {
        return Ok(Outcome::Same);
    }
    if !import.overwrite {
        let names: Vec<&str> = changes.keys().map(String::as_str).collect();
        return Ok(Outcome::Differs(format!("not the source's {}", names.join(", "))));
    }
    import.write(path, &Value::Object(changes)).await?;
    Ok(Outcome::Overwritten)
}

/// Servers show nothing in several ways.
pub fn alike(one: &Value, other: &Value) -> bool {
    one == other || (is_nothing(one) && is_nothing(other))
}

pub fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_u64() == Some(0),
        Value::String(text) => text.is_empty() || text == "0s",
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(is_nothing),
        Value::Bool(true) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_is_shown_in_many_ways() {
        for nothing in [json!(null), json!([]), json!(""), json!("0s"), json!(0), json!(false), json!({"a": 0})] {
            assert!(alike(&nothing, &json!(null)), "{nothing}");
        }
        for something in [json!(1), json!("0"), json!([0]), json!(true), json!({"a": 1})] {
            assert!(!alike(&something, &json!(null)), "{something}");
        }
        assert!(alike(&json!({"a": 1, "b": 2}), &json!({"b": 2, "a": 1})));
    }
}
