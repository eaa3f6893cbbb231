//! Field types and how leniently they read JSON, as clients of the API are used to.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::duration::{SECOND, parse as parse_duration};

/// A type that a field of an operation's input can have.
pub trait FromField: Sized {
    /// What the API description calls it.
    const KIND: &'static str;
    /// More of it: of a list, what is in it.
    const FORMAT: &'static str = "";
    /// The error completes "error converting input for field …:".
    fn from_field(value: &Value) -> Result<Self, String>;
}

fn wants(kind: &str, value: &Value) -> String {
    let got = match value {
        Value::Null => "null",
        Value::Bool(_) => "a bool",
        Value::Number(_) => "a number",
        Value::String(_) => "this text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    format!("expected {kind}, got {got}")
}

impl<T: FromField> FromField for Option<T> {
    const KIND: &'static str = T::KIND;
    const FORMAT: &'static str = T::FORMAT;
    fn from_field(value: &Value) -> Result<Self, String> {
        T::from_field(value).map(Some)
    }
}

impl FromField for String {
    const KIND: &'static str = "string";
    fn from_field(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(n) => Ok(n.to_string()),
            Value::Bool(b) => Ok(if *b { "1" } else { "0" }.to_owned()),
            Value::Null => Ok(String::new()),
            other => Err(wants("a string", other)),
        }
    }
}

impl FromField for bool {
    const KIND: &'static str = "boolean";
    fn from_field(value: &Value) -> Result<Self, String> {
        match value {
            Value::Bool(b) => Ok(*b),
            Value::Null => Ok(false),
            Value::Number(n) if n.as_u64() == Some(0) => Ok(false),
            Value::Number(n) if n.as_u64() == Some(1) => Ok(true),
            Value::String(text) => match text.as_str() {
                "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
                "" | "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
                _ => Err(wants("a bool (true or false)", value)),
            },
            other => Err(wants("a bool (true or false)", other)),
        }
    }
}

impl FromField for i64 {
    const KIND: &'static str = "integer";
    const FORMAT: &'static str = "int64";
    fn from_field(value: &Value) -> Result<Self, String> {
        let parsed = match value {
            Value::Null => Some(0),
            Value::Bool(b) => Some(i64::from(*b)),
            Value::Number(n) => n.as_i64(),
            Value::String(text) if text.is_empty() => Some(0),
            Value::String(text) => integer(text),
            _ => None,
        };
        parsed.ok_or_else(|| wants("an integer", value))
    }
}

impl FromField for f64 {
    const KIND: &'static str = "number";
    fn from_field(value: &Value) -> Result<Self, String> {
        let parsed = match value {
            Value::Null => Some(0.0),
            Value::Number(n) => n.as_f64(),
            Value::String(text) if text.is_empty() => Some(0.0),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        parsed.filter(|n: &f64| n.is_finite()).ok_or_else(|| wants("a number", value))
    }
}

fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let n = match digits.get(..2) {
        Some("0x" | "0X") => i64::from_str_radix(&digits[2..], 16),
        Some("0o" | "0O") => i64::from_str_radix(&digits[2..], 8),
        Some("0b" | "0B") => i64::from_str_radix(&digits[2..], 2),
        _ if digits.starts_with('-') || digits.starts_with('+') => return None,
        _ if digits.len() > 1 && digits.starts_with('0') => i64::from_str_radix(&digits[1..], 8),
        _ => digits.parse(),
    };
    n.ok().map(|n| sign * n)
}

impl FromField for Value {
    const KIND: &'static str = "object";
    fn from_field(value: &Value) -> Result<Self, String> {
        Ok(value.clone())
    }
}

impl FromField for Map<String, Value> {
    const KIND: &'static str = "object";
    const FORMAT: &'static str = "map";
    fn from_field(value: &Value) -> Result<Self, String> {
        match value {
            Value::Object(map) => Ok(map.clone()),
            Value::Null => Ok(Map::new()),
            other => Err(wants("an object", other)),
        }
    }
}

/// A span that cannot be negative, in whole seconds or Go's form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(pub Duration);

impl FromField for Seconds {
    const KIND: &'static str = "integer";
    const FORMAT: &'static str = "seconds";
    fn from_field(value: &Value) -> Result<Self, String> {
        let nanos = nanos(value)?;
        let nanos = u64::try_from(nanos).map_err(|_| "a duration cannot be negative".to_owned())?;
        Ok(Self(Duration::from_nanos(nanos)))
    }
}

/// A span that may be negative, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SignedSeconds(pub i128);

impl FromField for SignedSeconds {
    const KIND: &'static str = "integer";
    const FORMAT: &'static str = "seconds";
    fn from_field(value: &Value) -> Result<Self, String> {
        nanos(value).map(Self)
    }
}

fn nanos(value: &Value) -> Result<i128, String> {
    let parsed = match value {
        Value::Null => Some(0),
        Value::String(text) if is_too_long(text) => return Err(TOO_LONG.to_owned()),
        Value::String(text) => parse_duration(text),
        Value::Number(n) => n.as_i64().map(|s| i128::from(s) * SECOND),
        _ => None,
    };
    parsed
        .filter(|n| n.unsigned_abs() <= LONGEST.unsigned_abs())
        .ok_or_else(|| wants("a duration, as 300, \"300\", \"5m\" or \"2d\"", value))
}

/// In nanoseconds.
const LONGEST: i128 = i64::MAX as i128;
const TOO_LONG: &str = "the duration is too long: 290 years are the most";

/// One unit, and a number that is beyond all bounds: a duration, and none that can be.
fn is_too_long(text: &str) -> bool {
    let mut numbers = ["ns", "us", "ms", "s", "m", "h", "d", ""].iter().filter_map(|unit| text.strip_suffix(unit));
    let digits = |number: &str| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    numbers.any(digits) && parse_duration(text).is_none_or(|nanos| nanos > LONGEST)
}

/// A list, or a text with commas between the items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommaList(pub Vec<String>);

impl FromField for CommaList {
    const KIND: &'static str = "array";
    const FORMAT: &'static str = "string";
    fn from_field(value: &Value) -> Result<Self, String> {
        let items = match value {
            Value::String(text) => text.split(',').map(|s| s.trim().to_owned()).filter(|s| !s.is_empty()).collect(),
            Value::Null => Vec::new(),
            Value::Array(items) => items
                .iter()
                .map(|item| String::from_field(item).map(|s| s.trim().to_owned()))
                .collect::<Result<_, _>>()?,
            single => vec![String::from_field(single).map_err(|_| wants("a list of strings", single))?],
        };
        Ok(Self(items))
    }
}

/// A list; a lone text is one item, commas and all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StringList(pub Vec<String>);

impl FromField for StringList {
    const KIND: &'static str = "array";
    const FORMAT: &'static str = "string";
    fn from_field(value: &Value) -> Result<Self, String> {
        let items = match value {
            Value::Null => Vec::new(),
            Value::Array(items) => items.iter().map(String::from_field).collect::<Result<_, _>>()?,
            Value::String(text) if text.is_empty() => Vec::new(),
            single => vec![String::from_field(single).map_err(|_| wants("a list of strings", single))?],
        };
        Ok(Self(items))
    }
}

/// An object of texts, or a list of `key=value`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KvPairs(pub BTreeMap<String, String>);

impl FromField for KvPairs {
    const KIND: &'static str = "object";
    const FORMAT: &'static str = "kvpairs";
    fn from_field(value: &Value) -> Result<Self, String> {
        let pair = |text: &str| {
            let (key, value) = text.split_once('=').ok_or("expected key=value")?;
            Ok::<_, String>((key.trim().to_owned(), value.trim().to_owned()))
        };
        let pairs = match value {
            Value::Null => BTreeMap::new(),
            Value::Object(map) => {
                map.iter().map(|(k, v)| Ok((k.clone(), String::from_field(v)?))).collect::<Result<_, String>>()?
            }
            Value::Array(items) => {
                items.iter().map(|item| pair(&String::from_field(item)?)).collect::<Result<_, String>>()?
            }
            Value::String(text) => {
                text.split(',').filter(|t| !t.is_empty()).map(pair).collect::<Result<_, String>>()?
            }
            other => return Err(wants("an object of strings", other)),
        };
        Ok(Self(pairs))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_is_a_bool_only_if_it_is_0_or_1() {
        for (value, reads) in [(json!(0), Some(false)), (json!(1), Some(true)), (json!(5), None), (json!(-1), None)] {
            assert_eq!(bool::from_field(&value).ok(), reads, "{value}");
        }
    }

    #[test]
    fn a_duration_that_is_too_long_is_one() {
        for text in ["99999999999h", "9999999999999999999999", "999999999999d"] {
            assert_eq!(Seconds::from_field(&json!(text)), Err(TOO_LONG.to_owned()), "{text}");
        }
        assert!(Seconds::from_field(&json!("eternity")).unwrap_err().contains("a duration, as"));
        assert_eq!(Seconds::from_field(&json!("2d")), Ok(Seconds(Duration::from_secs(172_800))));
    }
}
