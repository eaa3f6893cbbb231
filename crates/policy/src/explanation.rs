//! A decision put into words, to be kept and shown: it holds the names of parameters and never a value of one.

use std::sync::Arc;

use crate::{Capability, CapabilitySet, Decision, GrantedBy, Reason};

/// Why a request may go on, or may not.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    pub allowed: bool,
    /// The rule (or root) grants what root-protected paths ask for.
    pub sudo: bool,
    /// One word for programs.
    pub reason: &'static str,
    /// A sentence for people.
    pub text: String,
    /// What the operation needs.
    pub needs: Option<Capability>,
    /// The rule that decided, if one says anything about the path.
    pub ruling: Option<Ruling>,
}

/// Everything that is said for one path, which decides alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruling {
    /// Templates filled in, with namespace, star and `+`.
    pub path: Arc<str>,
    /// Of all its rules together.
    pub capabilities: CapabilitySet,
    /// The rules it was put together from, in the order of the policies.
    pub rules: Vec<GrantedBy>,
}

impl Decision<'_> {
    pub fn explain(&self) -> Explanation {
        let ruling = self.grant.map(|grant| Ruling {
            path: grant.path.clone(),
            capabilities: grant.capabilities,
            rules: grant.sources.clone(),
        });
        Explanation {
            allowed: self.allowed,
            sudo: self.sudo,
            reason: self.reason.word(),
            text: self.reason.to_string(),
            needs: self.operation.needs(),
            ruling,
        }
    }
}

impl Explanation {
    /// The same, refused for something that no rule says.
    #[must_use]
    pub fn refused(self, reason: &'static str, text: impl Into<String>) -> Self {
        Self { allowed: false, reason, text: text.into(), ..self }
    }
}

impl Reason<'_> {
    fn word(&self) -> &'static str {
        match self {
            Reason::Root => "root",
            Reason::Help => "help",
            Reason::Granted => "granted",
            Reason::NoRule => "no_rule",
            Reason::Denied => "denied",
            Reason::Missing(_) => "missing_capability",
            Reason::Wrapping { .. } => "wrapping",
            Reason::ParameterRequired(_) => "parameter_required",
            Reason::ParameterDenied(_) => "parameter_denied",
            Reason::ParameterNotAllowed(_) => "parameter_not_allowed",
            Reason::PageLimit => "page_limit",
        }
    }
}
