//! The shape of a secret: its keys, with null in the place of every value.

use sdk::{Map, Value};

/// Objects below `depth` levels count as values; 0 sets no limit.
///
/// Recursion ends: the depth of a request's JSON is limited where it is parsed.
pub fn of(data: Map<String, Value>, depth: i64) -> Map<String, Value> {
    data.into_iter()
        .map(|(name, value)| match value {
            Value::Object(inner) if !inner.is_empty() && (depth == 0 || depth > 1) => {
                (name, Value::Object(of(inner, if depth == 0 { 0 } else { depth - 1 })))
            }
            _ => (name, Value::Null),
        })
        .collect()
}
