//! Reading a JSON body: one object, neither too deep nor followed by anything.

use sdk::{Map, Value};

/// An empty body and `null` are an empty object.
pub fn object(bytes: &[u8], depth_max: usize) -> Result<Map<String, Value>, String> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    let fail = |why: String| format!("failed to decode JSON input: {why}");
    if depth(bytes) > depth_max {
        return Err(fail(format!("it is nested more than {depth_max} levels deep")));
    }
    match serde_json::from_slice::<Value>(bytes) {
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

/// How deep the brackets go, without building anything.
fn depth(bytes: &[u8]) -> usize {
    let (mut now, mut most, mut in_text, mut escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match (in_text, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_text = !in_text,
            (false, b'{' | b'[') => {
                now += 1;
                most = most.max(now);
            }
            (false, b'}' | b']') => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_object_is_told_what_it_is() {
        for bad in [&b"[1]"[..], b"5", b"{", b"{\"a\":1} x", b"{x:1}", b"\xef\xbb\xbf{}", b"\"{\""] {
            assert!(object(bad, 100).is_err(), "{bad:?}");
        }
        for empty in [&b""[..], b" \n", b"null", b"{}"] {
            assert_eq!(object(empty, 100), Ok(Map::new()));
        }
    }

    #[test]
    fn depth_is_bounded_before_anything_is_built() {
        let deep = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        assert!(object(deep(50).as_bytes(), 100).is_ok());
        let error = object(deep(10_000).as_bytes(), 100).unwrap_err();
        assert!(error.contains("100 levels"), "{error}");
        assert_eq!(depth(b"{\"[[[[\\\"[[\": 1}"), 1, "brackets in a text do not count");
    }
}
