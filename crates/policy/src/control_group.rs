//! `control_group`: approvals a request needs besides its capability. Read here, enforced by whoever acts on the decision.

use std::time::Duration;

use crate::Operation;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlGroup {
    /// How long an approval may be waited for.
    pub ttl: Duration,
    pub self_auth_allowed: bool,
    pub factors: Vec<Factor>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Factor {
    pub name: String,
    /// The operations it is about; none named means all.
    pub controlled: Vec<Operation>,
    pub group_names: Vec<String>,
    pub group_ids: Vec<String>,
    pub approvals: u32,
}
