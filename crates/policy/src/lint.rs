//! What is probably not meant in a policy that can be read.

use crate::rule::Rule;
use crate::{Capability, Policy, template};

/// One thing that is probably not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Of the text, counted from 1.
    pub line: u32,
    pub text: String,
    /// The policy does something else than it says: whoever writes it is told.
    pub misleads: bool,
}

/// Looks a policy over, in the order of its lines. `kv2` are the paths of mounts of KV version 2, with their closing slashes.
pub fn lint(policy: &Policy, kv2: &[String]) -> Vec<Finding> {
    let rules = policy.rules();
    let mut findings = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let mut find = |misleads, text| findings.push(Finding { line: rule.line, text, misleads });
        if let Some(selector) = template::unfillable(&rule.written) {
            find(true, format!("path {:?} never matches: nothing fills in {{{{{selector}}}}}", rule.written));
        }
        if let Some(text) = beside_the_secrets(rule, kv2) {
            find(true, text);
        }
        let earlier = rules[..index].iter().find(|other| other.path == rule.path);
        if let Some(earlier) = earlier {
            let denies = |rule: &Rule| rule.terms.capabilities.denies();
            let (at, path) = (earlier.line, &rule.written);
            match denies(rule) != denies(earlier) {
                true => find(
                    true,
                    format!("path {path:?} stands in line {at} as well: deny swallows what the other grants"),
                ),
                false => find(false, format!("path {path:?} stands in line {at} as well: the two count as one rule")),
            }
        }
        if rule.terms.capabilities.is_empty() {
            find(
                false,
                format!("path {:?} grants nothing, and hides what less specific rules grant there", rule.written),
            );
        }
        for idle in [Capability::Recover, Capability::Subscribe] {
            if rule.terms.capabilities.contains(idle) {
                find(false, format!("path {:?}: no operation needs the capability {idle}", rule.written));
            }
        }
    }
    findings
}

/// On a mount of KV version 2 every path begins with what is wanted of a secret.
fn beside_the_secrets(rule: &Rule, kv2: &[String]) -> Option<String> {
    let (mount, below) = kv2.iter().find_map(|mount| Some((mount, rule.path.strip_prefix(mount.as_str())?)))?;
    let head = below.split('/').next().unwrap_or_default();
    let fits = match below.strip_suffix('*').filter(|rest| !rest.contains('/')) {
        Some(start) => HEADS.iter().any(|known| known.starts_with(start)),
        None => head == "+" || HEADS.contains(&head),
    };
    // What a template comes to is not known here.
    if fits || head.contains("{{") {
        return None;
    }
    Some(format!(
        "path {:?} matches no secret: {mount:?} is of KV version 2, whose paths begin with a part that says what is wanted. \
         Use \"{mount}data/{below}\" for values, \"{mount}metadata/{below}\" to list and for versions",
        rule.written
    ))
}

/// What paths of KV version 2 begin with.
const HEADS: [&str; 9] =
    ["config", "data", "delete", "destroy", "detailed-metadata", "metadata", "move", "subkeys", "undelete"];
