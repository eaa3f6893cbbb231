//! JSON merge patch (RFC 7396) on objects.

use sdk::{Ctx, Failure, MERGE_PATCH, Map, Result, Value};

/// Refuses a patch that does not say it is one.
pub fn check_media_type(ctx: &Ctx) -> Result<()> {
    if ctx.content_type.is_empty() {
        return Err(Failure::invalid(format!("a PATCH needs the content type {MERGE_PATCH}")));
    }
    ctx.check_merge_patch()
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
