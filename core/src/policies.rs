//! ACL policies: their records, and the merged form that decides for a set of them.

use std::sync::Arc;

use policy::{Acl, Policy, builtin};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use storage::{Access, Millis, Path, PathKey, Read, Revision, Txn, View};

#[derive(Clone, Serialize, Deserialize)]
pub struct PolicyRecord {
    pub name: String,
    pub text: String,
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

pub struct Policies {
    acls: Cache<Vec<(String, Option<Revision>)>, Arc<Acl>>,
}

impl Default for Policies {
    fn default() -> Self {
        Self { acls: Cache::new(4096) }
    }
}

fn folder() -> PathKey {
    PathKey::kind("policy")
}

fn key(name: &str) -> PathKey {
    folder().name(name)
}

impl Policies {
    pub fn forget(&self) {
        self.acls.clear();
    }

    /// The rules of the policies with these names. A name without a policy grants nothing.
    pub fn rules(&self, view: &View, names: &[String], now: Millis) -> Result<Rules, Access> {
        let mut parts: Vec<(String, Option<Revision>)> = Vec::with_capacity(names.len());
        for name in names {
            parts.push((name.clone(), view.revision(&key(name))?));
        }
        let relied_on = parts.iter().map(|(name, revision)| (view.path(&key(name)), *revision)).collect();
        let now = timestamp(now);
        if let Some(acl) = self.acls.get(&parts)
            && acl.valid_until().is_none_or(|end| now < end)
        {
            return Ok(Rules { acl, relied_on });
        }
        let mut policies = Vec::new();
        for (name, revision) in &parts {
            if name == "root" {
                policies.push(Arc::new(Policy::root()));
            } else if revision.is_some()
                && let Some(record) = view.get::<PolicyRecord>(&key(name))?
            {
                let parsed = Policy::parse(&record.name, &record.text)
                    .map_err(|e| Access::Broken(format!("the stored policy {name:?} does not parse: {e}")))?;
                policies.push(Arc::new(parsed));
            }
        }
        let acl = Arc::new(Acl::new(&policies, now));
        self.acls.insert(parts, Arc::clone(&acl));
        Ok(Rules { acl, relied_on })
    }

    /// Whether the caller's policies allow an operation at another path than the request's.
    pub fn allow(
        &self,
        view: &View,
        caller: &sdk::Caller,
        operation: policy::Operation,
        path: &str,
        now: Millis,
    ) -> Result<bool, Access> {
        let rules = self.rules(view, &caller.policies, now)?;
        let question = policy::Question { operation, path, parameters: None, wrap_ttl: None };
        Ok(rules.acl.decide(&question).allowed)
    }

    /// Whether the caller has the `sudo` capability at a path.
    pub fn has_sudo(&self, txn: &Txn, caller: &sdk::Caller, path: &str, now: Millis) -> Result<bool, Access> {
        let rules = self.rules(&txn.as_view(), &caller.policies, now)?;
        let question =
            policy::Question { operation: policy::Operation::Update, path, parameters: None, wrap_ttl: None };
        Ok(rules.acl.decide(&question).sudo)
    }

    pub fn exists(&self, read: &impl Read, name: &str) -> Result<bool, Access> {
        Ok(name == "root" || read.bytes(&key(name))?.is_some())
    }

    pub fn get(&self, read: &impl Read, name: &str) -> Result<Option<PolicyRecord>, Access> {
        if name == "root" {
            return Ok(Some(PolicyRecord { name: "root".into(), text: String::new() }));
        }
        read.get(&key(name))
    }

    /// All names, sorted, without those that cannot be assigned; `root` comes last.
    pub fn list(&self, read: &impl Read) -> Result<Vec<String>, Access> {
        let mut names = read.list(&folder())?;
        names.retain(|name| !builtin::NOT_ASSIGNABLE.contains(&name.as_str()) && name != "root");
        names.push("root".into());
        Ok(names)
    }

    pub fn set(&self, txn: &mut Txn, name: &str, text: &str) -> Result<(), PolicyRefused> {
        if name == "root" || builtin::FIXED.contains(&name) {
            return Err(PolicyRefused::Refused(format!("cannot update {name:?} policy")));
        }
        Policy::parse(name, text).map_err(|e| PolicyRefused::Refused(format!("failed to parse policy: {e}")))?;
        txn.latch(&key(name))?;
        txn.put(&key(name), &PolicyRecord { name: name.into(), text: text.into() })?;
        Ok(())
    }

    pub fn delete(&self, txn: &mut Txn, name: &str) -> Result<(), PolicyRefused> {
        if name == "root" || name == "default" || builtin::FIXED.contains(&name) {
            return Err(PolicyRefused::Refused(format!("cannot delete {name:?} policy")));
        }
        txn.delete(&key(name));
        Ok(())
    }

    /// The policies that every namespace begins with.
    pub fn add_builtins(&self, txn: &mut Txn) -> Result<(), Access> {
        for name in ["default", "response-wrapping"] {
            if let Some(text) = builtin::text(name) {
                txn.put(&key(name), &PolicyRecord { name: name.into(), text: text.into() })?;
            }
        }
        Ok(())
    }
}

pub(crate) fn timestamp(at: Millis) -> jiff::Timestamp {
    i64::try_from(at.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()).unwrap_or(jiff::Timestamp::MAX)
}
