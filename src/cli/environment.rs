//! What the environment tells a command. Each setting has two names; the product's own goes first.

use std::path::PathBuf;

/// `HOLDFAST_<name>`, or else `VAULT_<name>`. Empty counts as absent.
pub fn setting(name: &str) -> Option<String> {
    variable(&format!("HOLDFAST_{name}")).or_else(|| variable(&format!("VAULT_{name}")))
}

pub fn flag(name: &str) -> bool {
    setting(name).is_some_and(|value| matches!(value.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True"))
}

/// The name under which [`setting`] finds it, for texts that name it.
pub fn named(name: &str) -> Option<String> {
    let names = ["HOLDFAST_", "VAULT_"].map(|product| format!("{product}{name}"));
    names.into_iter().find(|name| variable(name).is_some())
}

pub fn home() -> Option<PathBuf> {
    variable("HOME").map(PathBuf::from)
}

#[expect(clippy::disallowed_methods, reason = "the one place where commands read variables")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
