//! A question to the ACL and its answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::grant::Grant;
use crate::{Capability, ControlGroup, GrantedBy, ListFilter, Operation};

/// What a request wants.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub operation: Operation,
    /// With the namespace's path before it. Leading slashes do not count.
    pub path: &'a str,
    /// The top level of the body, or the query.
    pub parameters: Option<&'a Map<String, Value>>,
    /// The lifetime of the wrapping token, if the answer is to be wrapped.
    pub wrap_ttl: Option<Duration>,
}

/// Whether the request may go on, why, and what else the deciding rule says.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    pub allowed: bool,
    pub reason: Reason<'a>,
    /// The rule (or root) also grants what root-protected paths ask for.
    pub sudo: bool,
    /// Set the parameter `limit` to this before the request goes on; 0 means no limit.
    pub page_limit: Option<u64>,
    pub(crate) operation: Operation,
    pub(crate) grant: Option<&'a Grant>,
}

/// Names are those of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason<'a> {
    Root,
    Help,
    Granted,
    NoRule,
    Denied,
    Missing(Capability),
    /// The answer must be wrapped, for at least and at most so long.
    Wrapping {
        min: Option<Duration>,
        max: Option<Duration>,
    },
    ParameterRequired(&'a str),
    ParameterDenied(&'a str),
    ParameterNotAllowed(&'a str),
    /// `limit` is no number, or beyond what the rule allows.
    PageLimit,
}

impl<'a> Decision<'a> {
    pub fn is_root(&self) -> bool {
        self.reason == Reason::Root
    }

    /// The shortest and longest wrapping the rule asks for.
    pub fn wrapping(&self) -> (Option<Duration>, Option<Duration>) {
        self.grant.map_or((None, None), |grant| (grant.limits.min_wrapping, grant.limits.max_wrapping))
    }

    /// How the answer of an allowed listing is to be thinned out.
    pub fn list_filter(&self) -> Option<&'a Arc<ListFilter>> {
        let grant = self.grant.filter(|_| self.allowed && self.operation.lists())?;
        grant.limits.filter.as_ref()
    }

    /// Approvals an allowed request still needs: those whose factors are about this operation. A caller that cannot
    /// enforce them must refuse.
    pub fn control_groups(&self) -> impl Iterator<Item = &'a ControlGroup> {
        let operation = self.operation;
        let groups = self.grant.map(|grant| grant.limits.control_groups.as_slice()).unwrap_or_default();
        let concerns = move |group: &&'a ControlGroup| {
            group.factors.iter().any(|factor| factor.controlled.is_empty() || factor.controlled.contains(&operation))
        };
        groups.iter().map(|group| &**group).filter(concerns)
    }

    pub fn mfa_methods(&self) -> &'a [String] {
        self.grant.map(|grant| grant.limits.mfa_methods.as_slice()).unwrap_or_default()
    }

    /// The policies that grant the operation; none for root and help.
    pub fn granted_by(&self) -> impl Iterator<Item = &'a GrantedBy> {
        let granting = match (self.allowed, self.grant, self.operation.needs()) {
            (true, Some(grant), Some(capability)) => Some(grant.granting(capability)),
            _ => None,
        };
        granting.into_iter().flatten()
    }
}

/// For logs: callers are told "permission denied" and nothing else.
impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Root => f.write_str("root may do everything"),
            Reason::Help => f.write_str("help is open to everybody"),
            Reason::Granted => f.write_str("a policy grants it"),
            Reason::NoRule => f.write_str("no policy says anything about the path"),
            Reason::Denied => f.write_str("a policy denies the path"),
            Reason::Missing(capability) => write!(f, "no policy grants {capability} there"),
            Reason::Wrapping { .. } => f.write_str("the answer must be wrapped, within the policy's bounds"),
            Reason::ParameterRequired(name) => write!(f, "the parameter {name:?} is required"),
            Reason::ParameterDenied(name) => write!(f, "the parameter {name:?} or its value is denied"),
            Reason::ParameterNotAllowed(name) => write!(f, "the parameter {name:?} or its value is not allowed"),
            Reason::PageLimit => f.write_str("the parameter \"limit\" is not within the policy's bound"),
        }
    }
}
