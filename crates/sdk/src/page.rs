//! A page of a listing.

use crate::Input;

#[derive(Input, Default)]
pub struct Page {
    /// Names up to this one are left out; it need not exist.
    pub after: String,
    /// The most names to list; all if it is zero or less.
    pub limit: i64,
}

impl Page {
    /// The names of this page; they come sorted.
    pub fn of(&self, names: Vec<String>) -> Vec<String> {
        let limit = usize::try_from(self.limit).ok().filter(|n| *n > 0).unwrap_or(usize::MAX);
        names.into_iter().filter(|name| *name > self.after).take(limit).collect()
    }
}
