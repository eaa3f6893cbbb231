//! What wraps the root key.

use super::problem::{ConfigError, Warning};
use super::section::Section;

/// `seal "…"`. Without such a block it is Shamir's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Seal {
    /// The root key is wrapped by a key that unseal shares rebuild.
    #[default]
    Shamir,
}

pub(super) fn read(top: &Section<'_>, warnings: &mut Vec<Warning>) -> Result<Seal, ConfigError> {
    for (labels, section) in top.blocks("seal", 1)? {
        if labels[0] != "shamir" {
            let problem = format!("seal {:?} is not offered by this version: only seal \"shamir\" is", labels[0]);
            return Err(ConfigError::BadBlock { place: section.place(), problem });
        }
        section.finish(&["name", "priority", "disabled"], warnings);
    }
    Ok(Seal::Shamir)
}
