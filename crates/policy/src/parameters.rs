//! Allowed and denied request parameters: names with the values they are about.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

/// Lower-case parameter names; an empty list of values means every value. `*` stands for every other parameter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters(pub(crate) BTreeMap<String, Vec<Value>>);

impl Parameters {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn add(&mut self, name: &str, values: impl IntoIterator<Item = Value>) {
        self.0.entry(name.to_lowercase()).or_default().extend(values);
    }

    /// Adds what another rule for the same path says: values add up, and "every value" swallows them.
    pub(crate) fn merge(&mut self, other: &Parameters) {
        for (name, values) in &other.0 {
            match self.0.get_mut(name) {
                None => {
                    self.0.insert(name.clone(), values.clone());
                }
                Some(mine) if mine.is_empty() || values.is_empty() => mine.clear(),
                Some(mine) => mine.extend(values.iter().cloned()),
            }
        }
    }

    pub(crate) fn has_star(&self) -> bool {
        self.0.contains_key("*")
    }

    pub(crate) fn is_only_star(&self) -> bool {
        self.0.len() == 1 && self.has_star()
    }

    /// Whether the parameter is named here, and if so whether `value` is among its values.
    pub(crate) fn covers(&self, name: &str, value: &Value) -> Option<bool> {
        let name = match name.chars().any(char::is_uppercase) {
            true => Cow::Owned(name.to_lowercase()),
            false => Cow::Borrowed(name),
        };
        let values = self.0.get(name.as_ref())?;
        Some(values.is_empty() || values.iter().any(|listed| same(listed, value)))
    }
}

/// Texts may begin or end with `*`; numbers are equal by amount, everything else by content.
fn same(listed: &Value, value: &Value) -> bool {
    match (listed, value) {
        (Value::String(pattern), Value::String(text)) => globbed(pattern, text),
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => listed == value,
    }
}

fn globbed(pattern: &str, text: &str) -> bool {
    // A star alone is itself: "any value" is written as an empty list.
    if pattern.len() < 2 {
        return pattern == text;
    }
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(_), Some(_)) => text.contains(&pattern[1..pattern.len() - 1]),
        (Some(end), None) => text.ends_with(end),
        (None, Some(start)) => text.starts_with(start),
        (None, None) => pattern == text,
    }
}
