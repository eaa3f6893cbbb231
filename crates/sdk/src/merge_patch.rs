//! JSON merge patches (RFC 7396).

use crate::{Ctx, Failure, Result};

pub const MERGE_PATCH: &str = "application/merge-patch+json";

impl Ctx<'_> {
    /// Refuses a patch that does not say it is one: what says nothing is no request, and what says something else is of
    /// another kind.
    pub fn check_merge_patch(&self) -> Result<()> {
        match self.content_type {
            MERGE_PATCH => Ok(()),
            "" => Err(Failure::invalid(format!("a PATCH needs the content type {MERGE_PATCH}"))),
            other => Err(Failure::MediaType(format!("PATCH requires Content-Type of {MERGE_PATCH}, provided {other}"))),
        }
    }
}
