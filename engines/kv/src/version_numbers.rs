//! The `versions` field: a list of numbers, one number, or a text with commas between them.

use sdk::{CommaList, Failure, FromField, Result, Value};

/// Numbers that no version can have are dropped; there is nothing to do for them.
#[derive(Default)]
pub struct VersionNumbers {
    numbers: Vec<u64>,
    given: bool,
}

impl VersionNumbers {
    pub fn required(self, else_say: &str) -> Result<Vec<u64>> {
        if self.given { Ok(self.numbers) } else { Err(Failure::invalid(else_say)) }
    }
}

impl FromField for VersionNumbers {
    const KIND: &'static str = "array";

    fn from_field(value: &Value) -> Result<Self, String> {
        let numbers = match value {
            Value::Array(items) => items.iter().map(i64::from_field).collect::<Result<Vec<_>, _>>()?,
            other => CommaList::from_field(other)?
                .0
                .into_iter()
                .map(|text| i64::from_field(&Value::String(text)))
                .collect::<Result<_, _>>()?,
        };
        Ok(Self {
            given: !numbers.is_empty(),
            numbers: numbers.into_iter().filter_map(|n| n.try_into().ok()).collect(),
        })
    }
}
