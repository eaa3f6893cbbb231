//! Custom metadata: texts that users attach to a secret. Small on purpose, they are kept with every secret.

use std::collections::BTreeMap;

use sdk::{Failure, FromField, Map, Result, Value};

const KEYS_MAX: usize = 64;
const KEY_BYTES_MAX: usize = 128;
const VALUE_BYTES_MAX: usize = 512;

/// All of them anew.
pub fn parse(fields: &Map<String, Value>) -> Result<BTreeMap<String, String>> {
    let custom = fields.iter().map(|(key, value)| Ok((key.clone(), text(value)?))).collect::<Result<_>>()?;
    check(&custom)?;
    Ok(custom)
}

/// Those that the patch names; null removes one.
pub fn patch(mut custom: BTreeMap<String, String>, patch: &Map<String, Value>) -> Result<BTreeMap<String, String>> {
    for (key, value) in patch {
        match value {
            Value::Null => custom.remove(key),
            value => custom.insert(key.clone(), text(value)?),
        };
    }
    check(&custom)?;
    Ok(custom)
}

fn text(value: &Value) -> Result<String> {
    String::from_field(value).map_err(|why| Failure::invalid(format!("{FAILED}: {why}")))
}

const FAILED: &str = "custom_metadata validation failed";

fn check(custom: &BTreeMap<String, String>) -> Result<()> {
    let mut faults = Vec::new();
    if custom.len() > KEYS_MAX {
        faults.push(format!("payload must contain at most {KEYS_MAX} keys, provided {}", custom.len()));
    } else {
        for (key, value) in custom {
            faults.extend(faults_of(key, value));
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    let plural = if faults.len() == 1 { "error" } else { "errors" };
    let list: String = faults.iter().map(|fault| format!("\t* {FAILED}: {fault}\n")).collect();
    Err(Failure::invalid(format!("{} {plural} occurred:\n{list}\n", faults.len())))
}

fn faults_of(key: &str, value: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        faults.push(format!("length of key {key:?} is {} but must be 0 < len(key) <= {KEY_BYTES_MAX}", key.len()));
    }
    if value.is_empty() || value.len() > VALUE_BYTES_MAX {
        faults.push(format!(
            "length of value for key {key:?} is {} but must be 0 < len(value) <= {VALUE_BYTES_MAX}",
            value.len()
        ));
    }
    if !printable(key) {
        faults.push(format!("key {key:?} contains unprintable characters"));
    }
    if !printable(value) {
        faults.push(format!("value for key {key:?} contains unprintable characters"));
    }
    faults
}

/// Whether a terminal would show each character: letters, marks, numbers, punctuation, symbols and the plain space.
fn printable(text: &str) -> bool {
    // Debug output escapes what is not printable, and a combining mark only at the start of a text.
    let shown = |c: char| matches!(c, '"' | '\'' | '\\') || format!("a{c}").escape_debug().count() == 2;
    text.chars().all(shown)
}
