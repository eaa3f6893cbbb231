//! The longest of many prefixes that a path begins with, in one binary search and a few steps.
//!
//! Sorted, and each entry knows the longest other entry it begins with. Whatever prefix of the path is in the table stands
//! at or before the greatest entry not after the path, and is a prefix of that entry too: so it is among its ancestors.

#[derive(Debug)]
pub(crate) struct Prefixes<T> {
    entries: Vec<Entry<T>>,
}

#[derive(Debug)]
struct Entry<T> {
    prefix: Box<str>,
    /// Index of the longest entry that is a proper prefix of this one.
    parent: Option<usize>,
    value: T,
}

impl<T> Prefixes<T> {
    /// No prefix may come twice.
    pub(crate) fn new(prefixes: impl IntoIterator<Item = (Box<str>, T)>) -> Prefixes<T> {
        let mut sorted: Vec<(Box<str>, T)> = prefixes.into_iter().collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        let mut entries: Vec<Entry<T>> = Vec::with_capacity(sorted.len());
        for (prefix, value) in sorted {
            let mut parent = entries.len().checked_sub(1);
            while let Some(index) = parent
                && !prefix.starts_with(&*entries[index].prefix)
            {
                parent = entries[index].parent;
            }
            entries.push(Entry { prefix, parent, value });
        }
        Prefixes { entries }
    }

    pub(crate) fn longest(&self, path: &str) -> Option<(&str, &T)> {
        let after = self.entries.partition_point(|entry| &*entry.prefix <= path);
        let mut candidate = after.checked_sub(1);
        while let Some(index) = candidate {
            let entry = &self.entries[index];
            if path.starts_with(&*entry.prefix) {
                return Some((&entry.prefix, &entry.value));
            }
            candidate = entry.parent;
        }
        None
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.entries.iter().map(|entry| (&*entry.prefix, &entry.value))
    }
}
