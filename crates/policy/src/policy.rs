//! A policy: a name and the rules its text holds. Immutable; cheap to share.

use std::sync::Arc;

use jiff::Timestamp;

use crate::rule::Rule;
use crate::{PolicyError, TemplateRules, TemplateValues, block, builtin, template};

#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    name: Arc<str>,
    rules: Vec<Rule>,
    templated: bool,
    root: bool,
    expiration: Option<Timestamp>,
}

impl Policy {
    /// Reads a policy text, HCL or JSON. A `name` in the text is allowed and means nothing: `name` counts.
    ///
    /// Never gives root rights, whatever the name: those come from [`Policy::root`] alone.
    pub fn parse(name: &str, text: &str) -> Result<Policy, PolicyError> {
        let rules = block::read(text)?;
        // A rule's template was checked when it was read.
        let templated = rules.iter().any(|rule| template::is_template(&rule.written).unwrap_or(true));
        Ok(Policy { name: name.into(), rules, templated, root: false, expiration: None })
    }

    /// The policy that allows everything. It counts only where it stands alone.
    pub fn root() -> Policy {
        Policy { name: builtin::ROOT.into(), rules: Vec::new(), templated: false, root: true, expiration: None }
    }

    /// One of the policies every server has, from its built-in text.
    pub fn builtin(name: &str) -> Option<Policy> {
        match name {
            builtin::ROOT => Some(Policy::root()),
            _ => Policy::parse(name, builtin::text(name)?).ok(),
        }
    }

    /// The same policy, which is as if absent from then on.
    #[must_use]
    pub fn expiring(self, expiration: Option<Timestamp>) -> Policy {
        Policy { expiration, ..self }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn is_root(&self) -> bool {
        self.root
    }

    /// Whether some path has to be filled in by [`Policy::render`] first. Until then such rules match nothing sensible.
    pub fn is_templated(&self) -> bool {
        self.templated
    }

    /// The policy with its templates filled in. Rules whose values are missing or do not fit are left out, but for those that
    /// deny: these deny what they might be about.
    pub fn render(&self, values: &TemplateValues, rules: TemplateRules) -> Policy {
        let fitting = |rule: &Rule| block::stored_path(&template::render(&rule.written, values, rules)?).ok();
        let denied = |rule: &Rule| {
            let nothing = TemplateValues::default();
            let stored = |values| block::stored_path(&template::widest(&rule.written, values)).ok();
            stored(values).or_else(|| stored(&nothing))
        };
        let render = |rule: &Rule| {
            let denies = rule.terms.capabilities.denies();
            let path = fitting(rule).or_else(|| denied(rule).filter(|_| denies))?;
            Some(Rule { written: rule.written.clone(), path, line: rule.line, terms: rule.terms.clone() })
        };
        Policy {
            name: self.name.clone(),
            rules: self.rules.iter().filter_map(render).collect(),
            templated: false,
            root: self.root,
            expiration: self.expiration,
        }
    }

    /// The paths of the rules as written, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| &*rule.written)
    }

    pub(crate) fn expiration(&self) -> Option<Timestamp> {
        self.expiration
    }

    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub(crate) fn shared_name(&self) -> Arc<str> {
        self.name.clone()
    }
}
