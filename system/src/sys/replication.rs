//! What the endpoints of `sys/replication/` share.

use holdfast_core::dr::DrError;
use sdk::{Answer, Failure, Outcome};

pub fn failure(error: DrError) -> Failure {
    match error {
        DrError::Refused(text) => Failure::Invalid(text),
        DrError::Unavailable(text) => Failure::Unavailable(text),
        DrError::Unknown(text) => Failure::OutcomeUnknown(text),
    }
}

/// Done; the warnings say what follows from it.
pub const WITH_WARNINGS: Outcome = Outcome { status: 200, ..Outcome::EMPTY };

pub fn done(warnings: Vec<String>) -> Answer {
    Answer::empty().status(200).warned(warnings)
}

/// Of fields that other servers need and this one does not.
pub fn not_needed(fields: &[(&str, bool)]) -> Option<String> {
    let given: Vec<&str> = fields.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
    (!given.is_empty()).then(|| {
        format!(
            "{} had no effect: clusters talk to each other over their cluster ports alone, and know each other by the keys of \
             their nodes",
            given.join(", ")
        )
    })
}
