//! What is wrong with a text, and where.

use crate::Position;

/// The text is not HCL, or not the shape the caller asked for. The writer of the text is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {problem}")]
pub struct HclError {
    pub at: Position,
    /// A sentence without the position.
    pub problem: String,
}

impl HclError {
    pub fn new(at: Position, problem: impl Into<String>) -> HclError {
        HclError { at, problem: problem.into() }
    }
}
