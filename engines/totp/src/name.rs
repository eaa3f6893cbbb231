//! A key's name.

use sdk::{Failure, FromField, Result, Value};

/// A name as the path has it.
#[derive(Default)]
pub struct Name(String);

impl FromField for Name {
    const KIND: &'static str = "string";

    fn from_field(value: &Value) -> Result<Self, String> {
        String::from_field(value).map(Self)
    }
}

impl Name {
    /// A name that no key can have is no path of this mount.
    pub fn checked(&self) -> Result<String> {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let fits = self.0.starts_with(word)
            && self.0.ends_with(word)
            && self.0.chars().all(|c| word(c) || matches!(c, '-' | '.' | '@'));
        if fits {
            Ok(self.0.clone())
        } else {
            Err(Failure::NoSuch("1 error occurred:\n\t* unsupported path\n\n".into()))
        }
    }
}
