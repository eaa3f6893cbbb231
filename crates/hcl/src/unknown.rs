//! Keys nobody asked for, and the known key that was probably meant.

use crate::{Body, Position};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown<'a> {
    pub key: &'a str,
    pub at: Position,
    /// The known key closest to it, if any is close.
    pub nearest: Option<&'a str>,
}

impl Body {
    /// The items whose first key is not one of `known`, in order.
    pub fn unknown<'a>(&'a self, known: &'a [&'a str]) -> impl Iterator<Item = Unknown<'a>> {
        self.items
            .iter()
            .map(|item| &item.keys[0])
            .filter(move |key| !known.contains(&key.text.as_str()))
            .map(move |key| Unknown { key: &key.text, at: key.at, nearest: nearest(&key.text, known) })
    }
}

/// The entry of `known` that `key` is most likely a misspelling of: at most a third of its letters apart.
pub fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    // Comparing costs the product of both lengths; no known key is anywhere near this long.
    if key.len() > LONGEST_COMPARED {
        return None;
    }
    known
        .iter()
        .map(|candidate| (strsim::osa_distance(key, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

const LONGEST_COMPARED: usize = 128;
