//! Custom metadata: texts that users attach to something. Small on purpose, they are kept with it.

use std::collections::BTreeMap;

const KEYS_MAX: usize = 64;
const KEY_BYTES_MAX: usize = 128;
const VALUE_BYTES_MAX: usize = 512;

/// What is wrong with them.
pub fn custom_metadata_faults(custom: &BTreeMap<String, String>) -> Vec<String> {
    if custom.len() > KEYS_MAX {
        return vec![format!("payload must contain at most {KEYS_MAX} keys, provided {}", custom.len())];
    }
    custom.iter().flat_map(|(key, value)| faults_of(key, value)).collect()
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
