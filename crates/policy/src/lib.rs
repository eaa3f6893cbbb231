#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

// Reading: text to rules.
mod block;
mod control_group;
mod duration;
mod error;
mod filter;
mod lint;
mod parameters;
mod policy;
mod rule;
mod template;

// Deciding: rules to answers.
mod acl;
mod capability;
mod check;
mod decision;
mod explanation;
mod grant;
mod operation;
mod pattern;
mod prefixes;

pub mod builtin;

pub use acl::{Acl, RuleView, Source};
pub use capability::{Capability, CapabilitySet};
pub use control_group::{ControlGroup, Factor};
pub use decision::{Decision, Question, Reason};
pub use error::PolicyError;
pub use explanation::{Explanation, Ruling};
pub use filter::ListFilter;
pub use grant::GrantedBy;
pub use lint::{Finding, lint};
pub use operation::Operation;
pub use parameters::Parameters;
pub use policy::Policy;
pub use template::{TemplateAlias, TemplateEntity, TemplateGroup, TemplateRules, TemplateValues, fill_in};

#[cfg(test)]
mod oracle;
// In a test an unwrap is an assertion.
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
