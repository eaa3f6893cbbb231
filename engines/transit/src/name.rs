//! A key's name as a path has it.

use sdk::{Failure, FromField, Result, Value};

#[derive(Default)]
pub struct Name(String);

impl FromField for Name {
    const KIND: &'static str = "string";
    fn from_field(value: &Value) -> std::result::Result<Self, String> {
        String::from_field(value).map(Self)
    }
}

impl Name {
    /// A name that no key can have is no path of this mount.
    pub fn checked(self) -> Result<String> {
        if fits(&self.0) {
            Ok(self.0)
        } else {
            Err(Failure::NoSuch("1 error occurred:\n\t* unsupported path\n\n".into()))
        }
    }
}

pub fn fits(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(word) && name.ends_with(word) && name.chars().all(|c| word(c) || c == '-' || c == '.')
}
