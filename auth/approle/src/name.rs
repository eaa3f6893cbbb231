//! A role's name as a path has it.

use sdk::{Failure, FromField, Result, Value};

/// In bytes.
const LENGTH_MAX: usize = 4096;

/// In lower case: capitals do not tell roles apart.
#[derive(Default)]
pub struct Name(String);

impl FromField for Name {
    const KIND: &'static str = "string";
    fn from_field(value: &Value) -> std::result::Result<Self, String> {
        String::from_field(value).map(|text| Self(text.to_lowercase()))
    }
}

impl Name {
    /// A name that no role can have is no path of this mount.
    pub fn checked(self) -> Result<String> {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let fits = self.0.starts_with(word)
            && self.0.ends_with(word)
            && self.0.chars().all(|c| word(c) || c == '-' || c == '.');
        if !fits {
            return Err(no_such_path());
        }
        if self.0.len() > LENGTH_MAX {
            return Err(Failure::invalid(format!("role_name is longer than maximum of {LENGTH_MAX} bytes")));
        }
        Ok(self.0)
    }
}

pub fn no_such_path() -> Failure {
    Failure::NoSuch("1 error occurred:\n\t* unsupported path\n\n".into())
}
