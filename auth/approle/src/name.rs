//! A role's name as a path has it.

use sdk::{Failure, FromField, LowerName, Result, Value};

/// In bytes.
const LENGTH_MAX: usize = 4096;

#[derive(Default)]
pub struct Name(LowerName);

impl FromField for Name {
    const KIND: &'static str = LowerName::KIND;
    fn from_field(value: &Value) -> Result<Self, String> {
        LowerName::from_field(value).map(Self)
    }
}

impl Name {
    pub fn checked(self) -> Result<String> {
        let name = self.0.checked()?;
        if name.len() > LENGTH_MAX {
            return Err(Failure::invalid(format!("role_name is longer than maximum of {LENGTH_MAX} bytes")));
        }
        Ok(name)
    }
}
