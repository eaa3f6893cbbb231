//! Reading a JSON body: one object, within bounds that are checked before anything is built, followed by nothing.

use sdk::{Map, Value};
use serde::Deserialize;

use crate::config::RequestLimits;

/// Memory of one value, about: its own place and that in a map or list.
const VALUE_BYTES: usize = 80;

/// An empty body and `null` are an empty object.
pub fn object(bytes: &[u8], limits: &RequestLimits) -> Result<Map<String, Value>, String> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    let fail = |why: String| format!("failed to decode JSON input: {why}");
    Shape::check(bytes, limits)?;
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

/// What can be told of a body without building anything. Of a body that is no JSON it tells nothing useful: the parser
/// refuses that.
#[derive(Default)]
struct Shape {
    /// The open brackets, each with the commas seen in it. Never longer than the depth that is allowed.
    open: Vec<(u8, usize)>,
    /// Names of fields among them.
    texts: usize,
    text_bytes: usize,
    /// Names, values and brackets.
    tokens: usize,
    /// Texts, other values, objects and lists.
    values: usize,
}

impl Shape {
    fn check(bytes: &[u8], limits: &RequestLimits) -> Result<(), String> {
        let mut shape = Self::default();
        let mut at = 0;
        while at < bytes.len() {
            at += match bytes[at] {
                b'"' => shape.text(&bytes[at..], limits)?,
                bracket @ (b'{' | b'[') => shape.opened(bracket, limits)?,
                b'}' | b']' => shape.closed(),
                b',' => shape.comma(limits)?,
                b':' | b' ' | b'\t' | b'\n' | b'\r' => 1,
                _ => shape.scalar(&bytes[at..]),
            };
            shape.bounded(limits)?;
        }
        Ok(())
    }

    /// From one quote past the other.
    fn text(&mut self, from: &[u8], limits: &RequestLimits) -> Result<usize, String> {
        let mut length = 1;
        while length < from.len() && from[length] != b'"' {
            length += if from[length] == b'\\' { 2 } else { 1 };
        }
        let inside = length.min(from.len()) - 1;
        within(inside, limits.json_string_length, "length of a string")?;
        self.texts += 1;
        self.text_bytes += inside;
        self.tokens += 1;
        self.values += 1;
        within(self.texts, limits.json_strings, "number of strings")?;
        Ok(length + 1)
    }

    fn opened(&mut self, bracket: u8, limits: &RequestLimits) -> Result<usize, String> {
        if self.open.len() >= limits.json_depth {
            let most = limits.json_depth;
            return Err(format!("failed to decode JSON input: it is nested more than {most} levels deep"));
        }
        self.open.push((bracket, 0));
        self.tokens += 1;
        self.values += 1;
        Ok(1)
    }

    fn closed(&mut self) -> usize {
        self.open.pop();
        self.tokens += 1;
        1
    }

    fn comma(&mut self, limits: &RequestLimits) -> Result<usize, String> {
        if let Some((bracket, commas)) = self.open.last_mut() {
            *commas += 1;
            let (most, what) = match bracket {
                b'{' => (limits.json_object_entries, "number of an object's entries"),
                _ => (limits.json_list_elements, "number of a list's elements"),
            };
            within(*commas + 1, most, what)?;
        }
        Ok(1)
    }

    fn scalar(&mut self, from: &[u8]) -> usize {
        self.tokens += 1;
        self.values += 1;
        let ends =
            |byte: &u8| matches!(byte, b',' | b':' | b'}' | b']' | b'{' | b'[' | b'"') || byte.is_ascii_whitespace();
        from.iter().position(ends).unwrap_or(from.len()).max(1)
    }

    fn bounded(&self, limits: &RequestLimits) -> Result<(), String> {
        within(self.tokens, limits.json_tokens, "number of tokens")?;
        within(self.values * VALUE_BYTES + self.text_bytes, limits.json_memory, "memory")
    }
}

fn within(number: usize, most: Option<usize>, what: &str) -> Result<(), String> {
    match most {
        Some(most) if number > most => {
            Err(format!("refused JSON input due to high complexity: exceeded maximum {what}"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: &str, set: impl Fn(&mut RequestLimits)) -> Option<String> {
        let mut limits = RequestLimits::default();
        set(&mut limits);
        object(body.as_bytes(), &limits).err()
    }

    #[test]
    fn what_is_no_object() {
        for body in ["", "  ", "null", "{}"] {
            assert_eq!(object(body.as_bytes(), &RequestLimits::default()), Ok(Map::new()), "{body:?}");
        }
        for body in ["{", "[]", "1", "{} {}", "\"", "{\"a\":\"\\", "}", "]]"] {
            let error = refusal(body, |_| ()).unwrap();
            assert!(error.starts_with("failed to decode JSON input: "), "{body:?} {error}");
        }
    }

    #[test]
    fn depth() {
        let nested = |depth: usize| format!("{{\"a\":{}1{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert_eq!(refusal(&nested(500), |_| ()), None);
        assert!(refusal(&nested(501), |_| ()).unwrap().contains("more than 500 levels"));
        assert_eq!(refusal("{\"a\":\"[[[[\\\"[[\"}", |limits| limits.json_depth = 1), None);
    }

    #[test]
    fn each_bound_counts_what_it_says() {
        type Set = fn(&mut RequestLimits, usize);
        let cases: &[(&str, usize, &str, Set)] = &[
            ("{\"a\":\"b\",\"c\":1}", 3, "number of strings", |l, n| l.json_strings = Some(n)),
            ("{\"a\":\"12\\\"4\"}", 5, "length of a string", |l, n| l.json_string_length = Some(n)),
            ("{\"a\":1,\"b\":{\"c\":[1,2,3]}}", 2, "number of an object's entries", |l, n| {
                l.json_object_entries = Some(n)
            }),
            ("{\"a\":1,\"b\":[1,2,3]}", 3, "number of a list's elements", |l, n| l.json_list_elements = Some(n)),
            ("{\"a\": [true, -1.5e3]}", 7, "number of tokens", |l, n| l.json_tokens = Some(n)),
            ("{\"abc\": null}", 3 * VALUE_BYTES + 3, "memory", |l, n| l.json_memory = Some(n)),
        ];
        for (body, most, what, set) in cases {
            assert_eq!(refusal(body, |limits| set(limits, *most)), None, "{what}");
            let error = refusal(body, |limits| set(limits, *most - 1)).unwrap();
            assert_eq!(error, format!("refused JSON input due to high complexity: exceeded maximum {what}"));
        }
    }
}
