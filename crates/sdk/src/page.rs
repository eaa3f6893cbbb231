//! A page of a listing.

use crate::{Input, Key, Read, Result};

#[derive(Input, Default)]
pub struct Page {
    /// Names up to this one are left out; it need not exist.
    pub after: String,
    /// The most names to list; all if it is zero or less.
    pub limit: i64,
}

impl Page {
    /// The names of this page of a folder.
    pub fn of(&self, read: &impl Read, folder: &Key) -> Result<Vec<String>> {
        Ok(read.page(folder, self.after(), self.limit())?)
    }

    pub fn limit(&self) -> usize {
        usize::try_from(self.limit).ok().filter(|n| *n > 0).unwrap_or(usize::MAX)
    }

    pub fn after(&self) -> Option<&str> {
        Some(self.after.as_str()).filter(|after| !after.is_empty())
    }
}
