//! How a key is found in the device: by its label, its id, or both.

use std::fmt;

/// At least one of the two is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyName {
    label: Option<String>,
    id: Option<Vec<u8>>,
}

impl KeyName {
    /// `None` if neither is given.
    pub fn new(label: Option<String>, id: Option<Vec<u8>>) -> Option<Self> {
        (label.is_some() || id.is_some()).then_some(Self { label, id })
    }

    /// As [`Display`](fmt::Display) writes it.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, label) = match text.strip_prefix("id=") {
            None => (None, Some(text.strip_prefix("label=")?)),
            Some(rest) => match rest.split_once(",label=") {
                None => (Some(rest), None),
                Some((id, label)) => (Some(id), Some(label)),
            },
        };
        Self::new(label.map(str::to_owned), id.map(hex::decode).transpose().ok()?)
    }

    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    pub fn id(&self) -> Option<&[u8]> {
        self.id.as_deref()
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.id, &self.label) {
            (Some(id), Some(label)) => write!(f, "id={},label={label}", hex::encode(id)),
            (Some(id), None) => write!(f, "id={}", hex::encode(id)),
            (None, label) => write!(f, "label={}", label.as_deref().unwrap_or_default()),
        }
    }
}
