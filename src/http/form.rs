//! Reading a body that is a form, as clients of OAuth send it.
//!
//! The content type alone says little: `curl -d` names it with any body. So what begins like JSON is read as JSON.

use sdk::{Map, Value};

use super::parse::pairs;
use crate::config::RequestLimits;

/// Unless the limits of JSON objects say less.
const FIELDS_MAX: usize = 1000;

pub fn is_one(content_type: &str, bytes: &[u8]) -> bool {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    content_type == "application/x-www-form-urlencoded" && first.is_some_and(|byte| !matches!(byte, b'{' | b'['))
}

pub fn object(bytes: &[u8], limits: &RequestLimits) -> Result<Map<String, Value>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "failed to decode form input: it is not UTF-8 text")?;
    let text = text.trim_ascii();
    let most = limits.json_object_entries.unwrap_or(FIELDS_MAX).min(FIELDS_MAX);
    if text.split('&').count() > most {
        return Err(format!("failed to decode form input: it has more than {most} fields"));
    }
    pairs(text).map_err(|field| {
        let shown: String = field.chars().take(64).collect();
        format!("failed to decode form input: the field {shown:?} has a percent sign that begins no character")
    })
}

#[cfg(test)]
mod tests {
    use sdk::json;

    use super::*;

    #[test]
    fn what_begins_like_json_is_none() {
        let form = "application/x-www-form-urlencoded";
        assert!(is_one(form, b"a=b") && is_one(form, b" a=b"));
        for (content_type, body) in [(form, " {\"a\":1}"), (form, "[1]"), (form, " "), ("application/json", "a=b")] {
            assert!(!is_one(content_type, body.as_bytes()), "{content_type} {body}");
        }
    }

    #[test]
    fn fields_are_decoded_and_what_cannot_be_is_refused() {
        let read = |body: &str| object(body.as_bytes(), &RequestLimits::default());
        let body = "grant_type=authorization_code&redirect_uri=https%3A%2F%2Fapp%2Fcb%3Fa%3Db&scope=openid+s&a=1&a=2\n";
        let want = json!({
            "grant_type": "authorization_code", "redirect_uri": "https://app/cb?a=b", "scope": "openid s", "a": ["1", "2"],
        });
        assert_eq!(Value::Object(read(body).unwrap()), want);
        assert!(read("a=%zz").unwrap_err().contains("\"a=%zz\""));
        assert!(read("a=%ff").is_err() && object(b"a=\xff", &RequestLimits::default()).is_err());
        assert!(read(&"a=b&".repeat(1000)).unwrap_err().contains("more than 1000 fields"));
    }
}
