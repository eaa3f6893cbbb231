//! Names of things as a part of a path has them.

use serde_json::Value;

use crate::{Failure, FromField, Result};

/// Whether it begins and ends with a letter, a digit or `_`, and has nothing else between but these, `-`, `.` and what is in
/// `also`.
pub fn is_name(text: &str, also: &[char]) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let inside = |c: char| word(c) || c == '-' || c == '.' || also.contains(&c);
    text.starts_with(word) && text.ends_with(word) && text.chars().all(inside)
}

/// By what a name is found whose case does not tell it from others. Who keeps such names apart by themselves goes by this
/// too: or one name of theirs would find what belongs to another.
pub fn folded(name: &str) -> String {
    name.to_lowercase()
}

#[derive(Default)]
pub struct Name(String);

/// One in lower case: capitals do not tell names apart.
#[derive(Default)]
pub struct LowerName(String);

impl Name {
    /// What nothing can be named is no path of this mount.
    pub fn checked(self) -> Result<String> {
        checked(self.0)
    }
}

impl Name {
    /// As it came.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl LowerName {
    /// What nothing can be named is no path of this mount.
    pub fn checked(self) -> Result<String> {
        checked(self.0)
    }
}

fn checked(name: String) -> Result<String> {
    if is_name(&name, &[]) { Ok(name) } else { Err(Failure::unsupported_path()) }
}

impl FromField for Name {
    const KIND: &'static str = "string";
    fn from_field(value: &Value) -> Result<Self, String> {
        String::from_field(value).map(Self)
    }
}

impl FromField for LowerName {
    const KIND: &'static str = "string";
    fn from_field(value: &Value) -> Result<Self, String> {
        String::from_field(value).map(|text| Self(text.to_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_dots_and_dashes_between() {
        for name in ["a", "_", "A9_", "a-b.c", "a..b"] {
            assert!(is_name(name, &[]), "{name}");
        }
        for none in ["", "-a", "a-", ".a", "a.", "a/b", "a b", "é", "a@b"] {
            assert!(!is_name(none, &[]), "{none}");
        }
        assert!(is_name("a@b", &['@']) && !is_name("@b", &['@']));
        assert_eq!(LowerName("aé".into()).checked().unwrap_err().status(), 404);
    }
}
