//! How many leases there may be: each rule has a counter of what is left, which is changed in the same batch as the lease.
//!
//! A counter adds when the batch is applied, so logins at once do not meet in it, and a batch that would take it below zero is
//! refused by the state machine: the number is exact, and nothing is walked. A lease is marked with the rule that it was
//! counted by, and given back to that rule when it ends. What was there before a rule, or counted by a wider one, is marked by
//! the worker, page by page ([`settle`]); until it is through, the rule says that it is settling.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use storage::{Access, Path, PathKey, RawKey, Read, SegKind, Txn};

use super::table::{Scope, closest};
use crate::space;

/// Below this no counter falls for what is counted in any case.
const NO_FLOOR: i64 = i64::MIN;
const LEFT: &str = "quota-left";

/// A rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeaseCount {
    /// What leases that it counts are marked with.
    pub id: String,
    pub scope: Scope,
    pub max: i64,
    /// Whether it holds in namespaces below as well. Not said: a rule of no mount does.
    pub inheritable: Option<bool>,
    /// As long as leases that were there before it, or were counted by another rule, may not be counted yet. It is another
    /// text each time that such leases come up: whoever looked through them before has to begin again.
    pub settling: Option<String>,
}

/// The record of all rules, by name. Whoever makes a lease reads it; where there are none, there is no record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeaseCounts(pub BTreeMap<String, LeaseCount>);

/// Where rules and counters are, also of what belongs to other namespaces.
pub(super) fn root() -> Path {
    space::records(&sdk::NamespaceId::root())
}

fn key() -> PathKey {
    PathKey::kind("lease-quotas")
}

fn left_key(id: &str) -> PathKey {
    PathKey::kind(LEFT).plain(id)
}

impl LeaseCounts {
    pub fn read(read: &impl Read) -> Result<Self, Access> {
        Ok(read.get(&key())?.unwrap_or_default())
    }

    /// To be changed in this transaction.
    pub fn change(txn: &mut Txn) -> Result<Self, Access> {
        Ok(txn.get_for_update(&key())?.unwrap_or_default())
    }

    fn write(&self, txn: &mut Txn) -> Result<(), Access> {
        if self.0.is_empty() {
            txn.delete(&key());
            return Ok(());
        }
        txn.put(&key(), self)
    }

    fn closest(&self, path: &str) -> Option<&LeaseCount> {
        closest(self.0.iter(), |rule| &rule.scope, path, None).map(|(_, rule)| rule)
    }

    fn knows(&self, id: &str) -> bool {
        self.0.values().any(|rule| rule.id == id)
    }

    /// Adds a rule or changes it.
    pub fn set(
        mut self,
        txn: &mut Txn,
        name: &str,
        scope: Scope,
        max: i64,
        inheritable: Option<bool>,
    ) -> Result<(), Access> {
        match self.0.get_mut(name) {
            Some(rule) if rule.scope == scope => {
                txn.add_counter(&left_key(&rule.id), max - rule.max, NO_FLOOR);
                (rule.max, rule.inheritable) = (max, inheritable);
            }
            _ => {
                self.take_out(txn, name);
                let id = unique();
                txn.set_counter(&left_key(&id), max);
                let settling = Some(unique());
                self.0.insert(name.to_owned(), LeaseCount { id, scope, max, inheritable, settling });
            }
        }
        self.write(txn)
    }

    /// Removes a rule. What it counted goes to the next wider one.
    pub fn remove(mut self, txn: &mut Txn, name: &str) -> Result<(), Access> {
        if self.take_out(txn, name) { self.write(txn) } else { Ok(()) }
    }

    /// The rules of mounts that are gone go with them.
    pub(super) fn unmounted(mut self, txn: &mut Txn, is_gone: impl Fn(&str) -> bool) -> Result<(), Access> {
        let of_mount = self.0.iter().filter(|(_, rule)| is_gone(&rule.scope.mount));
        let names: Vec<String> = of_mount.map(|(name, _)| name.clone()).collect();
        for name in &names {
            self.take_out(txn, name);
        }
        if names.is_empty() { Ok(()) } else { self.write(txn) }
    }

    pub(super) fn moved(mut self, txn: &mut Txn, from: &str, to: &str) -> Result<(), Access> {
        let mut any = false;
        for rule in self.0.values_mut().filter(|rule| rule.scope.mount == from) {
            (rule.scope.mount, any) = (to.to_owned(), true);
        }
        if any { self.write(txn) } else { Ok(()) }
    }

    fn take_out(&mut self, txn: &mut Txn, name: &str) -> bool {
        let Some(gone) = self.0.remove(name) else { return false };
        txn.delete_counter(&left_key(&gone.id));
        let wider = |rule: &&mut LeaseCount| rule.scope.mount.is_empty() || rule.scope.mount == gone.scope.mount;
        self.0.values_mut().filter(wider).for_each(|rule| rule.settling = Some(unique()));
        true
    }
}

fn unique() -> String {
    hex::encode(crypto::random::<8>())
}

/// How many leases a rule counts at present.
pub fn counted(read: &impl Read, rule: &LeaseCount) -> Result<i64, Access> {
    Ok(rule.max - read.counter(&left_key(&rule.id))?.unwrap_or(rule.max))
}

/// Counts a lease that is made at this path, from the root, and answers the rule to mark it with. The batch is refused where there are too
/// many.
pub(crate) fn charge(txn: &mut Txn, path: &str) -> Result<Option<String>, Access> {
    let mut txn = txn.elsewhere(root());
    let rules = LeaseCounts::read(&txn)?;
    let Some(rule) = rules.closest(path) else { return Ok(None) };
    txn.add_counter(&left_key(&rule.id), -1, 0);
    Ok(Some(rule.id.clone()))
}

/// A lease that was marked with this rule has ended.
pub(crate) fn give_back(txn: &mut Txn, id: &str) -> Result<(), Access> {
    let mut txn = txn.elsewhere(root());
    if LeaseCounts::read(&txn)?.knows(id) {
        txn.add_counter(&left_key(id), 1, NO_FLOOR);
    }
    Ok(())
}

/// What a rule says that is settling, and the mount whose leases are to be looked through for it.
pub(crate) fn unsettled(read: &impl Read) -> Result<Option<(String, String)>, Access> {
    let rules = LeaseCounts::read(read)?.0.into_values();
    Ok(rules.filter_map(|rule| Some((rule.settling?, rule.scope.mount))).next())
}

/// Marks a lease of this path with the rule that is closest to it, which may be another one than before. Answers the new mark
/// where it is another one.
pub(crate) fn settle(txn: &mut Txn, path: &str, marked: Option<&str>) -> Result<Option<Option<String>>, Access> {
    let mut txn = txn.elsewhere(root());
    let rules = LeaseCounts::read(&txn)?;
    let closest = rules.closest(path).map(|rule| rule.id.clone());
    if closest.as_deref() == marked {
        return Ok(None);
    }
    if let Some(id) = marked.filter(|id| rules.knows(id)) {
        txn.add_counter(&left_key(id), 1, NO_FLOOR);
    }
    if let Some(id) = &closest {
        txn.add_counter(&left_key(id), -1, NO_FLOOR);
    }
    Ok(Some(closest))
}

/// All leases of its mount were looked through since it said so.
pub(crate) fn settled(txn: &mut Txn, settling: &str) -> Result<(), Access> {
    let mut rules = LeaseCounts::change(txn)?;
    let through = |rule: &&mut LeaseCount| rule.settling.as_deref() == Some(settling);
    rules.0.values_mut().filter(through).for_each(|rule| rule.settling = None);
    rules.write(txn)
}

/// Whether a counter that stopped a batch is one of these.
pub(crate) fn is_counter(key: &RawKey) -> bool {
    // Namespace, its records, then the kind.
    matches!(key.segments().nth(2), Some(Ok((SegKind::Plain, kind))) if kind == LEFT.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use storage::{Class, Clear, Latches, MemoryStore, OpenStore, Path, TxnState};

    use super::*;

    #[test]
    fn who_looked_through_the_leases_before_a_rule_went_is_not_through() {
        let store = OpenStore::new(Arc::new(MemoryStore::default()), Arc::new(Clear));
        let mut state = TxnState::new(store.snapshot().unwrap(), Latches::new().begin());
        let txn = &mut state.at(Path::root(Class::Replicated));
        let rules = |txn: &mut Txn| LeaseCounts::change(txn).unwrap();
        rules(txn).set(txn, "all", Scope::default(), 10, None).unwrap();
        let (began, _) = unsettled(txn).unwrap().unwrap();
        let of_mount = Scope { mount: "auth/a/".into(), ..Scope::default() };
        rules(txn).set(txn, "closer", of_mount, 5, None).unwrap();
        rules(txn).remove(txn, "closer").unwrap();
        settled(txn, &began).unwrap();
        let (again, _) = unsettled(txn).unwrap().expect("the leases of the rule that went are to be counted");
        assert_ne!(again, began);
        settled(txn, &again).unwrap();
        assert_eq!(unsettled(txn).unwrap(), None);
    }
}
