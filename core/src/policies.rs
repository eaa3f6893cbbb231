//! ACL policies: their records, and the merged form that decides for a set of them.

use std::sync::Arc;

use policy::{Acl, Policy, TemplateRules, builtin};
use quick_cache::sync::Cache;
use sdk::{Forget, NamespaceId};
use serde::{Deserialize, Serialize};
use storage::{Access, Millis, Path, PathKey, Read, Revision, Txn, View};

use crate::cache::RecordCache;
use crate::due::{self, Due};
use crate::identity::{Identities, Rights, Stamp};
use crate::space;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PolicyRecord {
    pub name: String,
    pub text: String,
    /// How often it was written.
    #[serde(default)]
    pub version: i64,
    #[serde(default)]
    pub modified: Option<Millis>,
    /// From then on it is as if absent.
    #[serde(default)]
    pub expires: Option<Millis>,
    #[serde(flatten)]
    pub settings: PolicySettings,
}

/// What is set about a policy besides its text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicySettings {
    /// Who writes it says which version they mean to replace.
    pub cas_required: bool,
    pub allow_slashes_in_identity_templates: bool,
    pub allow_wildcards_in_identity_templates: bool,
}

impl PolicyRecord {
    fn is_expired(&self, now: Millis) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }

    fn parsed(&self) -> Result<Parsed, Access> {
        let parsed = Policy::parse(&self.name, &self.text)
            .map_err(|e| Access::Broken(format!("the stored policy {:?} does not parse: {e}", self.name)))?;
        let rules = TemplateRules {
            allow_slashes: self.settings.allow_slashes_in_identity_templates,
            allow_wildcards: self.settings.allow_wildcards_in_identity_templates,
        };
        let templated = parsed.is_templated().then_some(rules);
        Ok(Parsed { policy: Arc::new(parsed.expiring(self.expires.map(timestamp))), templated })
    }
}

/// A stored policy, read.
struct Parsed {
    policy: Arc<Policy>,
    /// What may be filled in, if there is something to fill in.
    templated: Option<TemplateRules>,
}

/// A policy as it is to be.
pub struct NewPolicy<'a> {
    pub namespace: &'a NamespaceId,
    pub name: &'a str,
    pub text: &'a str,
    pub expires: Option<Millis>,
    pub settings: PolicySettings,
    /// The version to be replaced; -1 if there is to be none.
    pub cas: Option<i64>,
}

#[derive(Debug, thiserror::Error)]
pub enum PolicyRefused {
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Access(#[from] Access),
}

/// What a set of policies comes to, and the records it was made from.
pub struct Rules {
    pub acl: Arc<Acl>,
    pub relied_on: Vec<(Path, Option<Revision>)>,
}

/// The records that rules were made from, and whose values were filled in, if some were.
type Made = (Vec<(Path, Option<Revision>)>, Option<Stamp>);

pub struct Policies {
    acls: Cache<Made, Arc<Acl>>,
    parsed: RecordCache<Parsed>,
    identities: Identities,
}

impl Default for Policies {
    fn default() -> Self {
        Self { acls: Cache::new(8192), parsed: RecordCache::new(8192), identities: Identities::default() }
    }
}

fn folder() -> PathKey {
    PathKey::kind("policy")
}

fn key(name: &str) -> PathKey {
    folder().name(name)
}

impl Policies {
    pub fn forget(&self, which: Forget<'_>) {
        self.acls.retain(|(made_of, _), _| !made_of.iter().any(|(path, _)| which.covers(path)));
        self.parsed.forget(which);
        self.identities.forget(which);
    }

    /// What a token of this namespace has by its entity. `view` is anywhere.
    pub fn rights(&self, view: &View, ns: &NamespaceId, entity_id: &str) -> Result<Arc<Rights>, Access> {
        self.identities.rights(view, ns, entity_id)
    }

    /// The rules of a token with these policies and this entity, if it is of one.
    pub fn rules_of(
        &self,
        view: &View,
        ns: &NamespaceId,
        names: &[String],
        entity_id: &str,
        now: Millis,
    ) -> Result<Rules, Access> {
        self.rules(view, ns, names, &*self.rights(view, ns, entity_id)?, now)
    }

    /// The rules of the policies with these names in a namespace, and of those that the entity has. A name without a policy
    /// grants nothing. `view` is anywhere.
    pub fn rules(
        &self,
        view: &View,
        ns: &NamespaceId,
        names: &[String],
        rights: &Rights,
        now: Millis,
    ) -> Result<Rules, Access> {
        let view = &view.elsewhere(space::records(ns));
        let more = rights.policies.iter().filter(|name| !names.contains(name));
        let mut parts: Vec<(Path, Option<Revision>)> = Vec::with_capacity(names.len() + rights.policies.len());
        let mut parsed: Vec<Arc<Parsed>> = Vec::with_capacity(names.len() + rights.policies.len());
        for name in names.iter().chain(more) {
            let key = key(name);
            if name == "root" {
                parts.push((view.path(&key), None));
                parsed.push(Arc::new(Parsed { policy: Arc::new(Policy::root()), templated: None }));
                continue;
            }
            let found = self.parsed.read_with(view, &key, |bytes| {
                let record: PolicyRecord = serde_json::from_slice(bytes)
                    .map_err(|e| Access::Broken(format!("the record of a policy is not of its kind: {e}")))?;
                record.parsed()
            })?;
            match found {
                Some(found) => {
                    parts.push((found.path, Some(found.revision)));
                    parsed.push(found.value);
                }
                None => parts.push((view.path(&key), None)),
            }
        }
        let stamp = parsed.iter().any(|parsed| parsed.templated.is_some()).then(|| rights.stamp());
        let made = (parts, stamp);
        let now = timestamp(now);
        if let Some(acl) = self.acls.get(&made)
            && acl.valid_until().is_none_or(|end| now < end)
        {
            return Ok(Rules { acl, relied_on: made.0 });
        }
        let values = if made.1.is_some() { rights.values() } else { Default::default() };
        let filled = |parsed: &Arc<Parsed>| match parsed.templated {
            Some(rules) => Arc::new(parsed.policy.render(&values, rules)),
            None => Arc::clone(&parsed.policy),
        };
        let policies: Vec<Arc<Policy>> = parsed.iter().map(filled).collect();
        let acl = Arc::new(Acl::new(&policies, now));
        self.acls.insert(made.clone(), Arc::clone(&acl));
        Ok(Rules { acl, relied_on: made.0 })
    }

    /// The rules of a text that is no policy of anybody's.
    pub fn rules_in(text: &str, now: Millis) -> Result<Rules, Access> {
        let broken = |problem| Access::Broken(format!("what a token is for does not parse: {problem}"));
        let policy = Policy::parse("", text).map_err(broken)?;
        Ok(Rules { acl: Arc::new(Acl::new(&[Arc::new(policy)], timestamp(now))), relied_on: Vec::new() })
    }

    /// Whether the caller's policies allow an operation at another path than the request's, in the request's namespace.
    pub fn allow(
        &self,
        view: &View,
        caller: &sdk::Caller,
        operation: policy::Operation,
        path: &str,
        now: Millis,
    ) -> Result<bool, Access> {
        self.decides(view, caller, (operation, path), now, |decision| decision.allowed)
    }

    /// Whether a rule of the caller's policies is about this path and keeps them from the operation there. Where no rule says
    /// anything, none does.
    pub fn keeps_from(
        &self,
        view: &View,
        caller: &sdk::Caller,
        operation: policy::Operation,
        path: &str,
        now: Millis,
    ) -> Result<bool, Access> {
        self.decides(view, caller, (operation, path), now, |decision| {
            !decision.allowed && decision.reason != policy::Reason::NoRule
        })
    }

    /// Whether what the caller's policies say of an operation at a path is so; where they cannot be about it, it is not.
    fn decides(
        &self,
        view: &View,
        caller: &sdk::Caller,
        (operation, path): (policy::Operation, &str),
        now: Millis,
        so: impl FnOnce(&policy::Decision<'_>) -> bool,
    ) -> Result<bool, Access> {
        let Some(path) = caller.sees(path) else { return Ok(false) };
        let rules = self.rules_of(view, &caller.home, &caller.policies, &caller.entity_id, now)?;
        let question = policy::Question { operation, path: &path, parameters: None, wrap_ttl: None };
        Ok(so(&rules.acl.decide(&question)))
    }

    /// Whether the caller has the `sudo` capability at a path.
    pub fn has_sudo(&self, txn: &Txn, caller: &sdk::Caller, path: &str, now: Millis) -> Result<bool, Access> {
        self.decides(&txn.as_view(), caller, (policy::Operation::Update, path), now, |decision| decision.sudo)
    }

    pub fn exists(&self, read: &impl Read, name: &str, now: Millis) -> Result<bool, Access> {
        Ok(self.get(read, name, now)?.is_some())
    }

    pub fn get(&self, read: &impl Read, name: &str, now: Millis) -> Result<Option<PolicyRecord>, Access> {
        if name == "root" {
            return Ok(Some(PolicyRecord { name: "root".into(), ..PolicyRecord::default() }));
        }
        Ok(read.get::<PolicyRecord>(&key(name))?.filter(|record| !record.is_expired(now)))
    }

    /// All names of a namespace, sorted, without those that cannot be assigned; `root`, which that namespace alone has, comes
    /// last. One that expired just now may be among them still.
    pub fn list(&self, read: &impl Read, ns: &NamespaceId) -> Result<Vec<String>, Access> {
        let mut names = read.list(&folder())?;
        names.retain(|name| !builtin::NOT_ASSIGNABLE.contains(&name.as_str()) && name != "root");
        if ns.is_root() {
            names.push("root".into());
        }
        Ok(names)
    }

    /// Writes a policy, and answers what it says, for whoever wants to look it over.
    pub fn set(&self, txn: &mut Txn, now: Millis, new: &NewPolicy<'_>) -> Result<Policy, PolicyRefused> {
        let refused = |text: &str| Err(PolicyRefused::Refused(text.into()));
        let NewPolicy { namespace, name, text, expires, settings, cas } = *new;
        let due = || Due::Policy { namespace: namespace.clone(), name: name.to_owned() };
        if name == "root" || builtin::FIXED.contains(&name) {
            return Err(PolicyRefused::Refused(format!("cannot update {name:?} policy")));
        }
        if expires.is_some_and(|at| at <= now) {
            return refused("refusing to update policy as expiration time has already elapsed");
        }
        let parsed = Policy::parse(name, text);
        let parsed = parsed.map_err(|e| PolicyRefused::Refused(format!("failed to parse policy: {e}")))?;
        txn.latch(&key(name))?;
        let stored = txn.get::<PolicyRecord>(&key(name))?;
        let existing = stored.as_ref().filter(|record| !record.is_expired(now));
        let version = existing.map_or(0, |record| record.version);
        match cas {
            None if settings.cas_required || existing.is_some_and(|record| record.settings.cas_required) => {
                return refused("check-and-set parameter required for this call");
            }
            Some(-1) if existing.is_some() => {
                return refused("check-and-set parameter set to -1 on existing entry");
            }
            Some(cas) if cas != -1 && cas != version => {
                return Err(PolicyRefused::Refused(format!(
                    "check-and-set parameter did not match the current version: {cas} was given, the policy is at {version}"
                )));
            }
            _ => {}
        }
        if let Some(at) = stored.as_ref().and_then(|record| record.expires) {
            due::unschedule(txn, namespace, at, &due());
        }
        if let Some(at) = expires {
            due::schedule(txn, namespace, at, &due())?;
        }
        let (name, text) = (name.into(), text.into());
        let record = PolicyRecord { name, text, version: version + 1, modified: Some(now), expires, settings };
        txn.put(&key(&record.name), &record)?;
        Ok(parsed)
    }

    pub fn delete(&self, txn: &mut Txn, ns: &NamespaceId, name: &str) -> Result<(), PolicyRefused> {
        if name == "root" || name == "default" || builtin::FIXED.contains(&name) {
            return Err(PolicyRefused::Refused(format!("cannot delete {name:?} policy")));
        }
        if let Some(at) = txn.get::<PolicyRecord>(&key(name))?.and_then(|record| record.expires) {
            due::unschedule(txn, ns, at, &Due::Policy { namespace: ns.clone(), name: name.into() });
        }
        txn.delete(&key(name));
        Ok(())
    }

    /// Removes a policy whose time is up. One that was written anew meanwhile stays.
    pub(crate) fn expire(txn: &mut Txn, name: &str, now: Millis) -> Result<(), Access> {
        if txn.get_for_update::<PolicyRecord>(&key(name))?.is_some_and(|record| record.is_expired(now)) {
            txn.delete(&key(name));
        }
        Ok(())
    }

    /// The policies that every namespace begins with.
    pub fn add_builtins(&self, txn: &mut Txn, now: Millis) -> Result<(), Access> {
        for name in ["default", "response-wrapping"] {
            if let Some(text) = builtin::text(name) {
                let (name, text) = (name.into(), text.into());
                let record = PolicyRecord { name, text, version: 1, modified: Some(now), ..PolicyRecord::default() };
                txn.put(&key(&record.name), &record)?;
            }
        }
        Ok(())
    }
}

pub(crate) fn timestamp(at: Millis) -> jiff::Timestamp {
    i64::try_from(at.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()).unwrap_or(jiff::Timestamp::MAX)
}
