//! What requests give, brought into form and bounds.

use base64::prelude::{BASE64_STANDARD, Engine};
use sdk::{CommaList, Failure, Result};

/// The longest item of a list, and of what travels through an authorization, in bytes.
pub const TEXT_MAX: usize = 2048;

/// Sorted, each once.
pub fn set(what: &str, list: CommaList, most: usize) -> Result<Vec<String>> {
    let mut items = bounded(what, list, most)?;
    items.sort();
    items.dedup();
    Ok(items)
}

/// As it was given, but without what is empty.
pub fn bounded(what: &str, list: CommaList, most: usize) -> Result<Vec<String>> {
    let items: Vec<String> = list.0.into_iter().filter(|item| !item.is_empty()).collect();
    if items.len() > most {
        return Err(Failure::invalid(format!("{what} may have at most {most} items, and this has {}", items.len())));
    }
    if items.iter().any(|item| item.len() > TEXT_MAX) {
        return Err(Failure::invalid(format!("an item of {what} may have at most {TEXT_MAX} bytes")));
    }
    Ok(items)
}

/// How many clients, assignments, scopes, roles or providers a namespace can have, of each.
const NAMES_MAX: usize = 4096;

/// Refuses one more than there can be. `names` are those there are.
pub fn room_for_one(what: &str, names: &[String]) -> Result<()> {
    if names.len() >= NAMES_MAX {
        return Err(Failure::invalid(format!("there can be at most {NAMES_MAX} {what}; delete one first")));
    }
    Ok(())
}

/// A template as it is, or out of base64.
pub fn template(text: String) -> String {
    let decoded = BASE64_STANDARD.decode(&text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.unwrap_or(text)
}

/// Why something cannot be deleted.
pub fn in_use(what: &str, name: &str, whose: &str, users: &[String]) -> Failure {
    let users = users.join(", ");
    Failure::invalid(format!(
        "unable to delete {what} {name:?} because it is currently referenced by these {whose}: {users}"
    ))
}

/// Of those that refer to something, at most so many are named.
pub const NAMED_MAX: usize = 100;
