//! Why a policy text is refused. Its writer is at fault, and the sentence is meant for them.

use hcl::{HclError, Position};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Not HCL, not JSON, or not the shape of a policy.
    #[error("{0}")]
    Malformed(#[from] HclError),
    #[error("{}invalid key {key:?} at {at}{}", place(.path), hint(.nearest))]
    UnknownKey { path: Option<String>, key: String, at: Position, nearest: Option<String> },
    #[error("path {path:?}: {problem}")]
    BadRule { path: String, problem: String },
}

fn place(path: &Option<String>) -> String {
    path.as_ref().map(|path| format!("path {path:?}: ")).unwrap_or_default()
}

fn hint(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|nearest| format!(" (did you mean {nearest:?}?)")).unwrap_or_default()
}
