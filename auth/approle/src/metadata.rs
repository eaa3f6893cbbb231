//! The `metadata` of a secret ID: a text that holds a JSON object of texts, or `key=value` pairs with commas between
//! them. Either may be in base64.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine};
use sdk::{Failure, Result};

pub type Metadata = BTreeMap<String, String>;

pub fn parse(text: &str) -> Result<Metadata> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Metadata::new());
    }
    let decoded = BASE64_STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let text = decoded.as_deref().unwrap_or(text);
    let found = match serde_json::from_str::<Metadata>(text) {
        Ok(found) => Some(found),
        Err(_) => pairs(text),
    };
    found.filter(|found| found.iter().all(|(key, value)| key.is_empty() || !value.is_empty())).ok_or_else(|| {
        Failure::invalid(
            "failed to parse metadata: it must be a text that holds a JSON object of texts, or key=value pairs, \
             and no value may be empty",
        )
    })
}

fn pairs(text: &str) -> Option<Metadata> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(pair).collect()
}

fn pair(text: &str) -> Option<(String, String)> {
    let (key, value) = text.split_once('=')?;
    let (key, value) = (key.trim(), value.trim());
    (!key.is_empty() && !value.is_empty() && !value.contains('=')).then(|| (key.to_owned(), value.to_owned()))
}
