//! One `path` block of a policy, as read.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::{CapabilitySet, ControlGroup, ListFilter, Parameters};

/// A path and what is granted there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rule {
    /// As written, with its template.
    pub written: Arc<str>,
    /// Without template and leading slash, with its star.
    pub path: Box<str>,
    /// Of the text, counted from 1.
    pub line: u32,
    pub terms: Arc<Terms>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Terms {
    pub capabilities: CapabilitySet,
    pub limits: Limits,
    /// The rule is as if absent from then on.
    pub expiration: Option<Timestamp>,
}

/// What holds for a request although its capability is granted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Limits {
    pub min_wrapping: Option<Duration>,
    pub max_wrapping: Option<Duration>,
    pub allowed: Parameters,
    pub denied: Parameters,
    pub required: Vec<String>,
    pub page: Option<u64>,
    pub filter: Option<Arc<ListFilter>>,
    pub mfa_methods: Vec<String>,
    pub control_groups: Vec<Arc<ControlGroup>>,
}
