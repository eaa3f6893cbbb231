//! What is there from the beginning without having been written.

use sdk::{Key, Read, Result};

/// The key and the provider of that name.
pub const DEFAULT: &str = "default";
/// The assignment that everybody has.
pub const ALLOW_ALL: &str = "allow_all";
/// The scope that makes a request one of OpenID Connect.
pub const OPENID: &str = "openid";

/// The names in a folder.
pub fn names(read: &impl Read, folder: &Key) -> Result<Vec<String>> {
    Ok(read.list(folder)?)
}

/// The same with those that are there in any case.
pub fn names_with(read: &impl Read, folder: &Key, always: &[&str]) -> Result<Vec<String>> {
    let mut names = read.list(folder)?;
    for name in always {
        if let Err(at) = names.binary_search_by(|known| known.as_str().cmp(name)) {
            names.insert(at, (*name).to_owned());
        }
    }
    Ok(names)
}
