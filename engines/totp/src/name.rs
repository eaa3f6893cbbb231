//! A key's name.

use sdk::{Failure, FromField, Result, Value, is_name};

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
        if is_name(&self.0, &['@']) { Ok(self.0.clone()) } else { Err(Failure::unsupported_path()) }
    }
}
