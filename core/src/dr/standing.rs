//! How this cluster stands to others, as each of its nodes knows it.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Change, DrError, Link, Standing};
use crate::lifecycle::{ChangeError, Node};

impl Standing {
    /// As the API names it.
    pub fn mode(&self) -> &'static str {
        match self {
            Self::Alone => "disabled",
            Self::Primary { .. } => "primary",
            Self::Secondary { .. } => "secondary",
        }
    }
}

impl From<ChangeError> for DrError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Unknown(text) => Self::Unknown(text),
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl Node {
    pub fn standing(&self) -> Standing {
        self.standing.borrow().clone()
    }

    /// Whether it takes its records from another cluster, and writes none itself.
    pub fn is_secondary(&self) -> bool {
        matches!(*self.standing.borrow(), Standing::Secondary { .. })
    }

    pub fn other_cluster(&self) -> &Arc<dyn Link> {
        &self.other_cluster
    }

    /// Whether it has records of its own to look after: unsealed, and no copy.
    pub(crate) fn writes(&self) -> bool {
        !self.is_sealed() && !self.is_secondary()
    }

    /// On the active node.
    pub async fn change_standing(&self, change: Change, deadline: Instant) -> Result<(), DrError> {
        // What the change is must not be a log's to repeat: an invitation's secret is a hash, but wraps are long.
        let what = named(&change);
        self.other_cluster.change(change, deadline).await?;
        tracing::warn!(
            change = what,
            standing = self.standing.borrow().mode(),
            "how this cluster stands to others has changed"
        );
        Ok(())
    }
}

fn named(change: &Change) -> &'static str {
    match change {
        Change::EnablePrimary => "enabled as a primary",
        Change::DisablePrimary => "disabled as a primary",
        Change::Demote => "demoted",
        Change::Invite { .. } => "a secondary invited",
        Change::Revoke { .. } => "a secondary revoked",
        Change::Follow { .. } => "following a primary",
        Change::Readdress { .. } => "primary elsewhere",
        Change::Promote { .. } => "promoted",
        Change::Leave => "following no more",
    }
}
