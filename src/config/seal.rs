//! What wraps the root key.

use super::declared::Why::NotOffered;
use super::declared::{Key, Table};
use super::problem::{ConfigError, Warning};
use super::section::Section;

/// `seal "…"`. Without such a block it is Shamir's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Seal {
    /// The root key is wrapped by a key that unseal shares rebuild.
    #[default]
    Shamir,
}

pub const SHAMIR: Table = Table {
    label: "shamir",
    about: "The root key is wrapped by a key that is split into shares, which people keep. What holds without a block.",
    keys: &[&[
        Key::ignored("name", NotOffered, "there is one seal at a time, which needs no name"),
        Key::ignored("priority", NotOffered, "there is one seal at a time"),
        Key::ignored("disabled", NotOffered, "there is one seal at a time; leave the block out"),
    ]],
};

pub(super) fn read(top: &Section<'_>, warnings: &mut Vec<Warning>) -> Result<Seal, ConfigError> {
    for (labels, section) in top.blocks("seal")? {
        if labels[0] != "shamir" {
            let problem = format!("seal {:?} is not offered by this version: only seal \"shamir\" is", labels[0]);
            return Err(ConfigError::BadBlock { place: section.place(), problem });
        }
        section.finish(warnings)?;
    }
    Ok(Seal::Shamir)
}
