//! JSON merge patch (RFC 7396) on objects.

use sdk::{Failure, Map, Result, Value};

pub const MEDIA_TYPE: &str = "application/merge-patch+json";

/// Refuses a patch that does not say it is one.
pub fn check_media_type(content_type: &str) -> Result<()> {
    match content_type {
        MEDIA_TYPE => Ok(()),
        "" => Err(Failure::invalid(format!("a PATCH needs the content type {MEDIA_TYPE}"))),
        other => Err(Failure::MediaType(format!("PATCH requires Content-Type of {MEDIA_TYPE}, provided {other}"))),
    }
}

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
