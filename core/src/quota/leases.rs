//! How many leases there may be: each rule has a counter of what is left, which is changed in the same batch as the lease.
//!
//! A counter adds when the batch is applied, so logins at once do not meet in it, and a batch that would take it below zero is
//! refused by the state machine: the number is exact, and nothing is walked. A lease is marked with the rule that it was
//! counted by, and given back to that rule when it ends. What was there before a rule, or counted by a wider one, is marked by
//! the worker, page by page ([`settle`]); until it is through, the rule says that it is settling.
//!
//! Leases of a namespace with a seal of its own may go unseen, with the namespace. So how many of them each rule counts is
//! counted besides, by keyring, and given back then. One that is sealed when leases are looked through is noted, and has its
//! turn when it is open.
//!
//! ```text
//! in the root's records:
//! quota-left / id                     a counter: what is left of a rule
//! quota-apart / id / left / keyring   a counter: what of it are leases of that keyring's namespaces
//! quota-unseen / id                   a namespace whose leases could not be looked through
//! ```

use std::collections::BTreeMap;

use sdk::{Namespace, NamespaceId};
use serde::{Deserialize, Serialize};
use storage::{Access, Path, PathKey, RawKey, Read, Seg, SegKind, Txn};

use super::table::{Asked, Scope, closest};
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
    /// Of a rule of a namespace: whether it holds in those below as well. Not said: the root's does.
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
    space::records(&NamespaceId::root())
}

fn key() -> PathKey {
    PathKey::kind("lease-quotas")
}

fn left_key(id: &str) -> PathKey {
    PathKey::kind(LEFT).plain(id)
}

fn apart_folder(id: &str) -> PathKey {
    PathKey::kind("quota-apart").plain(id)
}

fn apart_key(id: &str, keyring: &str) -> PathKey {
    apart_folder(id).plain("left").plain(keyring)
}

fn unseen_folder() -> PathKey {
    PathKey::kind("quota-unseen")
}

fn unseen_key(owner: &NamespaceId) -> PathKey {
    unseen_folder().plain(owner.as_str())
}

/// Of a counter that was begun. Nothing is added to one that is not there, and two that begin it at once meet in this record.
fn begun_key(id: &str, keyring: &str) -> PathKey {
    apart_folder(id).plain("begun").plain(keyring)
}

/// `txn` is at the root's records.
fn count_apart(txn: &mut Txn, home: &NamespaceId, id: &str, by: i64) -> Result<(), Access> {
    let keyring = home.keyring();
    if keyring.is_empty() {
        return Ok(());
    }
    let (counter, begun) = (apart_key(id, keyring), begun_key(id, keyring));
    if txn.get::<bool>(&begun)?.is_some() {
        txn.add_counter(&counter, by, NO_FLOOR);
    } else if by > 0 {
        txn.put(&begun, &true)?;
        txn.set_counter(&counter, by);
    }
    Ok(())
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

    /// `path` is in the namespace.
    fn closest(&self, home: &Namespace, path: &str) -> Option<&LeaseCount> {
        let path = format!("{}{path}", home.path);
        let asked = Asked { path: &path, namespace: &home.path, role: None };
        closest(self.0.iter(), |rule| (&rule.scope, rule.inheritable), &asked).map(|(_, rule)| rule)
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
                // Leases of namespaces below are counted by it now, or no more.
                if rule.inheritable != inheritable {
                    rule.settling = Some(unique());
                }
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
    pub(super) fn unmounted(mut self, txn: &mut Txn, is_gone: impl Fn(&Scope) -> bool) -> Result<(), Access> {
        let of_mount = self.0.iter().filter(|(_, rule)| is_gone(&rule.scope));
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
        txn.delete_folder(&apart_folder(&gone.id));
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

/// Counts a lease that is made at this path of a namespace, and answers the rule to mark it with. The batch is refused where
/// there are too many.
pub(crate) fn charge(txn: &mut Txn, home: &Namespace, path: &str) -> Result<Option<String>, Access> {
    let mut txn = txn.elsewhere(root());
    let rules = LeaseCounts::read(&txn)?;
    let Some(rule) = rules.closest(home, path) else { return Ok(None) };
    txn.add_counter(&left_key(&rule.id), -1, 0);
    count_apart(&mut txn, &home.id, &rule.id, 1)?;
    Ok(Some(rule.id.clone()))
}

/// A lease of a namespace that was marked with this rule has ended.
pub(crate) fn give_back(txn: &mut Txn, home: &NamespaceId, id: &str) -> Result<(), Access> {
    let mut txn = txn.elsewhere(root());
    if LeaseCounts::read(&txn)?.knows(id) {
        txn.add_counter(&left_key(id), 1, NO_FLOOR);
        count_apart(&mut txn, home, id, -1)?;
    }
    Ok(())
}

/// The leases of a keyring's namespaces have gone unseen, with the one that has brought it.
pub(crate) fn gone_unseen(txn: &mut Txn, owner: &NamespaceId) -> Result<(), Access> {
    let mut txn = txn.elsewhere(root());
    for id in LeaseCounts::read(&txn)?.0.into_values().map(|rule| rule.id) {
        let apart = apart_key(&id, owner.keyring());
        let Some(counted) = txn.counter(&apart)? else { continue };
        if counted > 0 {
            txn.add_counter(&left_key(&id), counted, NO_FLOOR);
        }
        txn.delete_counter(&apart);
        txn.delete(&begun_key(&id, owner.keyring()));
    }
    seen(&mut txn, owner);
    Ok(())
}

/// Its leases cannot be looked through at present.
pub(crate) fn unseen(txn: &mut Txn, owner: &NamespaceId) -> Result<(), Access> {
    txn.elsewhere(root()).put(&unseen_key(owner), &())
}

pub(crate) fn seen(txn: &mut Txn, owner: &NamespaceId) {
    txn.elsewhere(root()).delete(&unseen_key(owner));
}

/// Those whose leases could not be looked through, some behind another. `read` is at the root's records.
pub(crate) fn all_unseen(
    read: &impl Read,
    after: Option<&NamespaceId>,
    limit: usize,
) -> Result<Vec<NamespaceId>, Access> {
    let after = after.map(unseen_key);
    let keys = read.range(&unseen_folder(), after.as_ref(), limit)?;
    let id = |key: &PathKey| match key.segs().last()? {
        Seg::Plain(bytes) => NamespaceId::parse(std::str::from_utf8(bytes).ok()?),
        Seg::Name(_) => None,
    };
    Ok(keys.iter().filter_map(id).collect())
}

/// What a rule says that is settling, and whose leases are to be looked through for it.
pub(crate) fn unsettled(read: &impl Read) -> Result<Option<(String, Scope)>, Access> {
    let rules = LeaseCounts::read(read)?.0.into_values();
    Ok(rules.filter_map(|rule| Some((rule.settling?, rule.scope))).next())
}

/// Marks a lease of this path of a namespace with the rule that is closest to it, which may be another one than before.
/// Answers the new mark where it is another one.
pub(crate) fn settle(
    txn: &mut Txn,
    home: &Namespace,
    path: &str,
    marked: Option<&str>,
) -> Result<Option<Option<String>>, Access> {
    let mut txn = txn.elsewhere(root());
    let rules = LeaseCounts::read(&txn)?;
    let closest = rules.closest(home, path).map(|rule| rule.id.clone());
    if closest.as_deref() == marked {
        return Ok(None);
    }
    if let Some(id) = marked.filter(|id| rules.knows(id)) {
        txn.add_counter(&left_key(id), 1, NO_FLOOR);
        count_apart(&mut txn, &home.id, id, -1)?;
    }
    if let Some(id) = &closest {
        txn.add_counter(&left_key(id), -1, NO_FLOOR);
        count_apart(&mut txn, &home.id, id, 1)?;
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
