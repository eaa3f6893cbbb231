//! The `data` field: the object that becomes a version.

use sdk::{FromField, Map, Result, Value};

/// `null` is a version too, and comes back as `null`.
pub struct Data(pub Option<Map<String, Value>>);

impl FromField for Data {
    const KIND: &'static str = "object";

    fn from_field(value: &Value) -> Result<Self, String> {
        match value {
            Value::Null => Ok(Self(None)),
            other => Map::from_field(other).map(|map| Self(Some(map))),
        }
    }
}
