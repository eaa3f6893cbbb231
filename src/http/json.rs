//! Reading a JSON body: one object, neither too deep nor followed by anything.

use sdk::{Map, Value};
use serde::Deserialize;

/// An empty body and `null` are an empty object.
pub fn object(bytes: &[u8], depth_max: usize, texts_max: Option<usize>) -> Result<Map<String, Value>, String> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    let fail = |why: String| format!("failed to decode JSON input: {why}");
    let shape = Shape::of(bytes);
    if shape.depth > depth_max {
        return Err(fail(format!("it is nested more than {depth_max} levels deep")));
    }
    if let Some(most) = texts_max.filter(|most| shape.texts > *most) {
        return Err(fail(format!("it has more than {most} strings")));
    }
    match parse(bytes) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(other) => Err(fail(format!("the body must be a JSON object, and this is {}", kind(&other)))),
        Err(error) => Err(fail(error.to_string())),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "a list",
        Value::String(_) => "a text",
        Value::Number(_) => "a number",
        Value::Bool(_) => "a bool",
        Value::Object(_) | Value::Null => "an object",
    }
}

/// The depth is bounded already, so the parser's own, lower bound is lifted.
fn parse(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    parser.disable_recursion_limit();
    let value = Value::deserialize(&mut parser)?;
    parser.end()?;
    Ok(value)
}

/// What can be told of a body without building anything.
#[derive(Default)]
struct Shape {
    /// How deep the brackets go.
    depth: usize,
    /// How many strings there are, names of fields among them.
    texts: usize,
}

impl Shape {
    fn of(bytes: &[u8]) -> Self {
        let (mut shape, mut now, mut in_text, mut escaped) = (Self::default(), 0_usize, false, false);
        for byte in bytes {
            match (in_text, byte) {
                (true, _) if escaped => escaped = false,
                (true, b'\\') => escaped = true,
                (_, b'"') => {
                    in_text = !in_text;
                    shape.texts += usize::from(in_text);
                }
                (false, b'{' | b'[') => {
                    now += 1;
                    shape.depth = shape.depth.max(now);
                }
                (false, b'}' | b']') => now = now.saturating_sub(1),
                _ => {}
            }
        }
        shape
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_object_is_told_what_it_is() {
        for bad in [&b"[1]"[..], b"5", b"{", b"{\"a\":1} x", b"{x:1}", b"\xef\xbb\xbf{}", b"\"{\""] {
            assert!(object(bad, 100, None).is_err(), "{bad:?}");
        }
        for empty in [&b""[..], b" \n", b"null", b"{}"] {
            assert_eq!(object(empty, 100, None), Ok(Map::new()));
        }
    }

    #[test]
    fn depth_is_bounded_before_anything_is_built() {
        let deep = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        assert!(object(deep(400).as_bytes(), 500, None).is_ok());
        let error = object(deep(10_000).as_bytes(), 100, None).unwrap_err();
        assert!(error.contains("100 levels"), "{error}");
        let shape = Shape::of(b"{\"[[[[\\\"[[\": 1}");
        assert_eq!((shape.depth, shape.texts), (1, 1), "brackets in a text do not count");
        assert!(object(b"{\"a\": [\"b\", \"c\"]}", 100, Some(2)).is_err());
        assert!(object(b"{\"a\": [\"b\", \"c\"]}", 100, Some(3)).is_ok());
    }
}
