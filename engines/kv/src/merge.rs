//! JSON merge patch (RFC 7396) on objects.

use sdk::{Map, Value};

/// Recursion ends: the depth of a request's JSON is limited where it is parsed.
pub fn apply(target: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (name, change) in patch {
        match change {
            Value::Null => {
                target.remove(&name);
            }
            Value::Object(inner) => {
                let member = target.entry(name).or_insert(Value::Null);
                let mut merged = match member.take() {
                    Value::Object(map) => map,
                    _ => Map::new(),
                };
                apply(&mut merged, inner);
                *member = Value::Object(merged);
            }
            other => {
                target.insert(name, other);
            }
        }
    }
}
