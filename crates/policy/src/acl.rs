//! The policies of one caller, compiled: which rule decides about a path.
//!
//! ```text
//!   exact rule, else (listing) the exact rule without the closing slash,
//!   else the best of the longest prefix and the `+` patterns, else (listing) the same without the closing slash
//! ```
//! The first rule found decides alone: a shorter one is never asked, whatever it would grant.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::grant::Grant;
use crate::pattern::{Pattern, Priority, Segments};
use crate::prefixes::Prefixes;
use crate::{Capability, CapabilitySet, Decision, GrantedBy, Operation, Policy, Question, Reason, check};

/// A policy and the namespace it belongs to.
#[derive(Clone, Debug)]
pub struct Source {
    /// `""` for the root namespace, otherwise its path with a closing slash.
    pub namespace: Arc<str>,
    /// With its templates filled in.
    pub policy: Arc<Policy>,
}

#[derive(Debug)]
pub struct Acl {
    /// The namespace below which everything is allowed.
    root: Option<Arc<str>>,
    exact: HashMap<Box<str>, Grant>,
    prefixes: Prefixes<Grant>,
    /// Best first.
    segments: Vec<(Segments, Grant)>,
    valid_until: Option<Timestamp>,
}

/// A compiled rule, for showing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleView {
    /// With namespace, star and `+`.
    pub path: String,
    pub exact: bool,
    pub capabilities: CapabilitySet,
}

impl Acl {
    /// Compiles policies of the root namespace. Rules that expired before `now` are left out.
    pub fn new(policies: &[Arc<Policy>], now: Timestamp) -> Acl {
        let source = |policy: &Arc<Policy>| Source { namespace: "".into(), policy: policy.clone() };
        Acl::with_namespaces(&policies.iter().map(source).collect::<Vec<_>>(), now)
    }

    /// Compiles policies of several namespaces. The root policy counts only alone: beside others it grants nothing.
    pub fn with_namespaces(sources: &[Source], now: Timestamp) -> Acl {
        let root = match sources {
            [only] if only.policy.is_root() => Some(only.namespace.clone()),
            _ => None,
        };
        let mut grants: HashMap<Pattern, Grant> = HashMap::new();
        let mut valid_until: Option<Timestamp> = None;
        let mut holds = |expiration: Option<Timestamp>| match expiration {
            Some(expiration) if expiration <= now => false,
            Some(expiration) => {
                valid_until = Some(valid_until.map_or(expiration, |until| until.min(expiration)));
                true
            }
            None => true,
        };
        for Source { namespace, policy } in sources {
            if !holds(policy.expiration()) {
                continue;
            }
            for rule in policy.rules() {
                if !holds(rule.terms.expiration) {
                    continue;
                }
                let source = GrantedBy {
                    policy: policy.shared_name(),
                    namespace: namespace.clone(),
                    path: rule.written.clone(),
                    line: rule.line,
                    capabilities: rule.terms.capabilities,
                };
                let grant = || Grant::new(format!("{namespace}{}", rule.path).into());
                grants.entry(Pattern::new(namespace, &rule.path)).or_insert_with(grant).merge(&rule.terms, source);
            }
        }
        let mut exact = HashMap::new();
        let mut prefixes = Vec::new();
        let mut segments = Vec::new();
        for (pattern, grant) in grants {
            match pattern {
                Pattern::Exact(path) => {
                    exact.insert(path, grant);
                }
                Pattern::Prefix(prefix) => prefixes.push((prefix, grant)),
                Pattern::Segments(pattern) => segments.push((pattern, grant)),
            }
        }
        segments.sort_by(|a, b| b.0.priority().cmp(&a.0.priority()));
        Acl { root, exact, prefixes: Prefixes::new(prefixes), segments, valid_until }
    }

    /// From this time on some rule has expired and the ACL must be compiled anew.
    pub fn valid_until(&self) -> Option<Timestamp> {
        self.valid_until
    }

    pub fn is_root(&self) -> bool {
        self.root.is_some()
    }

    /// Whether the request may go on. Nothing is allocated on the way.
    pub fn decide<'a>(&'a self, question: &Question<'a>) -> Decision<'a> {
        let operation = question.operation;
        let path = question.path.trim_start_matches('/');
        let answer = |reason, grant: Option<&'a Grant>| Decision {
            allowed: matches!(reason, Reason::Root | Reason::Help | Reason::Granted),
            reason,
            sudo: reason == Reason::Root || grant.is_some_and(|grant| grant.capabilities.contains(Capability::Sudo)),
            page_limit: None,
            operation,
            grant,
        };
        if let Some(namespace) = &self.root {
            let inside = path.starts_with(&**namespace);
            return answer(if inside { Reason::Root } else { Reason::NoRule }, None);
        }
        let Some(needed) = operation.needs() else { return answer(Reason::Help, None) };
        let Some(grant) = self.find(path, operation.lists()) else { return answer(Reason::NoRule, None) };
        if grant.capabilities.denies() {
            return answer(Reason::Denied, Some(grant));
        }
        if !grant.capabilities.contains(needed) {
            return answer(Reason::Missing(needed), Some(grant));
        }
        match check::limits(&grant.limits, question) {
            Ok(page_limit) => Decision { page_limit, ..answer(Reason::Granted, Some(grant)) },
            Err(reason) => answer(reason, Some(grant)),
        }
    }

    /// The rules that match a path and were not asked, since a more specific one decides. Slow, and for showing.
    pub fn overruled(&self, path: &str, operation: Operation) -> Vec<RuleView> {
        let path = path.trim_start_matches('/');
        let deciding = self.find(path, operation.lists()).map(|grant| &grant.path);
        let folder = path.strip_suffix('/').filter(|_| operation.lists());
        let matches = |fits: &dyn Fn(&str) -> bool| fits(path) || folder.is_some_and(fits);
        let exact =
            [Some(path), folder].into_iter().flatten().filter_map(|path| self.exact.get(path)).map(|g| (g, true));
        let prefixes = self.prefixes.iter().filter(|(prefix, _)| matches(&|path| path.starts_with(prefix)));
        let segments = self.segments.iter().filter(|(pattern, _)| matches(&|path| pattern.matches(path)));
        let inexact = prefixes.map(|(_, grant)| grant).chain(segments.map(|(_, grant)| grant)).map(|g| (g, false));
        let mut rules: Vec<RuleView> = exact
            .chain(inexact)
            .filter(|(grant, _)| Some(&grant.path) != deciding)
            .map(|(grant, exact)| RuleView { path: grant.path.to_string(), exact, capabilities: grant.capabilities })
            .collect();
        rules.sort_by(|a, b| a.path.cmp(&b.path));
        rules
    }

    /// What is granted at `path`, as answers list it: in the order of the alphabet, `["root"]`, or `["deny"]`.
    /// A path with a closing slash is looked up as a listing would.
    pub fn capabilities(&self, path: &str) -> Vec<&'static str> {
        let path = path.trim_start_matches('/');
        match &self.root {
            Some(namespace) if path.starts_with(&**namespace) => vec!["root"],
            _ => self.capability_set(path).names(),
        }
    }

    /// Whether anything at or below a mount (`path` ends in a slash) is granted: mounts without are not shown.
    pub fn reaches(&self, mount: &str) -> bool {
        let mount = mount.trim_start_matches('/');
        if let Some(namespace) = &self.root {
            return mount.starts_with(&**namespace);
        }
        let below = |path: &str, grant: &Grant| path.starts_with(mount) && grant.capabilities.grants_anything();
        self.capability_set(mount).grants_anything()
            || self.exact.iter().any(|(path, grant)| below(path, grant))
            || self.prefixes.iter().any(|(prefix, grant)| below(prefix, grant))
            || self
                .segments
                .iter()
                .any(|(pattern, grant)| grant.capabilities.grants_anything() && pattern.reaches(mount))
    }

    /// Every compiled rule, in the order of paths.
    pub fn rules(&self) -> Vec<RuleView> {
        let view =
            |path: String, exact: bool, grant: &Grant| RuleView { path, exact, capabilities: grant.capabilities };
        let exact = self.exact.iter().map(|(path, grant)| view(path.to_string(), true, grant));
        let prefixes = self.prefixes.iter().map(|(prefix, grant)| view(format!("{prefix}*"), false, grant));
        let segments = self.segments.iter().map(|(pattern, grant)| view(pattern.written(), false, grant));
        let mut rules: Vec<RuleView> = exact.chain(prefixes).chain(segments).collect();
        rules.sort_by(|a, b| a.path.cmp(&b.path));
        rules
    }

    fn capability_set(&self, path: &str) -> CapabilitySet {
        self.find(path, Operation::List.lists()).map(|grant| grant.capabilities).unwrap_or_default()
    }

    fn find(&self, path: &str, listing: bool) -> Option<&Grant> {
        let folder = path.strip_suffix('/').filter(|_| listing);
        self.exact
            .get(path)
            .or_else(|| self.exact.get(folder?))
            .or_else(|| self.find_inexact(path))
            .or_else(|| self.find_inexact(folder?))
    }

    fn find_inexact(&self, path: &str) -> Option<&Grant> {
        let prefix = self.prefixes.longest(path);
        let bar = prefix.map(|(prefix, _)| Priority::of_prefix(prefix));
        let better = self.segments.iter().take_while(|(pattern, _)| bar.is_none_or(|bar| pattern.priority() > bar));
        let best = better.filter(|(pattern, _)| pattern.matches(path)).map(|(_, grant)| grant).next();
        best.or(prefix.map(|(_, grant)| grant))
    }
}
