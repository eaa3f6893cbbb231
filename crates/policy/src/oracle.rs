//! The decision again, slow and obvious, to compare the fast one with. It shares the rules as parsed and nothing else:
//! matching, choosing, merging and checking are all done differently here.

use std::cmp::Ordering;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::rule::{Rule, Terms};
use crate::{Capability, Operation, Policy, Question};

pub(crate) fn allows(policies: &[Arc<Policy>], question: &Question<'_>) -> bool {
    let Some(needed) = question.operation.needs() else { return true };
    let listing = matches!(question.operation, Operation::List | Operation::Scan);
    let rules = deciding(policies, question.path, listing);
    let granted = |capability| rules.iter().any(|terms| terms.capabilities.contains(capability));
    granted(needed) && !granted(Capability::Deny) && within_limits(&rules, question)
}

pub(crate) fn capabilities(policies: &[Arc<Policy>], path: &str) -> Vec<&'static str> {
    let rules = deciding(policies, path, true);
    let mut names: Vec<_> = rules.iter().flat_map(|terms| terms.capabilities.iter().map(Capability::name)).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() || names.contains(&"deny") { vec!["deny"] } else { names }
}

/// Every rule with the path that decides.
fn deciding<'a>(policies: &'a [Arc<Policy>], path: &str, listing: bool) -> Vec<&'a Terms> {
    let path = path.trim_start_matches('/');
    let rules: Vec<&Rule> = policies.iter().flat_map(|policy| policy.rules()).collect();
    let mut looked_up = vec![path];
    if listing && path.ends_with('/') {
        looked_up.push(&path[..path.len() - 1]);
    }
    let exact =
        looked_up.iter().find_map(|path| rules.iter().find(|rule| is_exact(&rule.path) && *rule.path == **path));
    let inexact = || {
        looked_up.iter().find_map(|path| {
            let matching = rules.iter().filter(|rule| !is_exact(&rule.path) && matches(&rule.path, path));
            matching.max_by(|a, b| compare(&a.path, &b.path))
        })
    };
    let Some(chosen) = exact.or_else(inexact) else { return Vec::new() };
    rules.iter().filter(|rule| rule.path == chosen.path).map(|rule| &*rule.terms).collect()
}

fn is_exact(rule: &str) -> bool {
    !rule.ends_with('*') && !has_plus(rule)
}

fn has_plus(rule: &str) -> bool {
    format!("/{rule}/").contains("/+/")
}

/// Character by character.
fn matches(rule: &str, path: &str) -> bool {
    if rule == "*" {
        return true;
    }
    // At the beginning of a segment `+` alone takes whatever the segment of the path is.
    if let Some(rest) = rule.strip_prefix('+').filter(|rest| rest.is_empty() || rest.starts_with('/')) {
        let end = path.find('/').unwrap_or(path.len());
        return matches_rest(rest, &path[end..]);
    }
    matches_rest(rule, path)
}

fn matches_rest(rule: &str, path: &str) -> bool {
    if rule == "*" {
        return true;
    }
    match (rule.chars().next(), path.chars().next()) {
        (None, None) => true,
        (Some('/'), Some('/')) => matches(&rule[1..], &path[1..]),
        (Some(a), Some(b)) if a == b => matches_rest(&rule[a.len_utf8()..], &path[b.len_utf8()..]),
        _ => false,
    }
}

/// The greater one decides.
fn compare(a: &str, b: &str) -> Ordering {
    let first_wildcard = |rule: &str| {
        let mut at = 0;
        for segment in rule.trim_end_matches('*').split('/') {
            if segment == "+" {
                return at;
            }
            at += segment.len() + 1;
        }
        at - 1 + usize::from(rule.ends_with("**")) * (rule.len() - rule.trim_end_matches('*').len() - 1)
    };
    let pluses = |rule: &str| rule.split('/').filter(|segment| *segment == "+").count();
    let star = |rule: &str| rule.ends_with('*');
    first_wildcard(a)
        .cmp(&first_wildcard(b))
        .then_with(|| star(b).cmp(&star(a)))
        .then_with(|| pluses(b).cmp(&pluses(a)))
        .then_with(|| a.len().cmp(&b.len()))
        .then_with(|| a.cmp(b))
}

fn within_limits(rules: &[&Terms], question: &Question<'_>) -> bool {
    let mins = rules.iter().filter_map(|terms| terms.limits.min_wrapping);
    let maxes = rules.iter().filter_map(|terms| terms.limits.max_wrapping);
    let (min, max) = (mins.min(), maxes.min());
    if min.is_some() || max.is_some() {
        let Some(ttl) = question.wrap_ttl else { return false };
        if min.is_some_and(|min| ttl < min) || max.is_some_and(|max| ttl > max) {
            return false;
        }
    }
    let none = Map::new();
    let given = question.parameters.unwrap_or(&none);
    let mut required = rules.iter().flat_map(|terms| &terms.limits.required);
    match question.operation {
        Operation::Create | Operation::Read | Operation::Update | Operation::Patch => {
            required.all(|name| given.contains_key(&name.to_lowercase())) && parameters(rules, given)
        }
        Operation::List | Operation::Scan => {
            let Some(page) = rules.iter().filter_map(|terms| terms.limits.page).min() else { return true };
            match given.get("limit") {
                None => !required.any(|name| name.to_lowercase() == "limit"),
                Some(Value::String(text)) if text == "max" => true,
                Some(limit) => limit.as_u64().is_some_and(|limit| limit <= page),
            }
        }
        _ => true,
    }
}

fn parameters(rules: &[&Terms], given: &Map<String, Value>) -> bool {
    let listed = |lists: &[Option<&Vec<Value>>], value: &Value| {
        let named: Vec<&Vec<Value>> = lists.iter().copied().flatten().collect();
        let any = named.iter().any(|list| list.is_empty() || list.contains(value));
        (!named.is_empty()).then_some(any)
    };
    let denied = |name: &str| rules.iter().map(|terms| terms.limits.denied.0.get(name)).collect::<Vec<_>>();
    let allowed = |name: &str| rules.iter().map(|terms| terms.limits.allowed.0.get(name)).collect::<Vec<_>>();
    let some_allowed = rules.iter().any(|terms| !terms.limits.allowed.0.is_empty());
    let star_allowed = allowed("*").iter().any(Option::is_some);
    let star_denied = denied("*").iter().any(Option::is_some);
    given.iter().all(|(name, value)| {
        let name = name.to_lowercase();
        let fine = match listed(&allowed(&name), value) {
            Some(fine) => fine,
            None => !some_allowed || star_allowed,
        };
        fine && !star_denied && listed(&denied(&name), value) != Some(true)
    })
}
