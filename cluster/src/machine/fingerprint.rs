//! The running hash of the replicated keys' history.
//!
//! It covers what was asked, not what the database then held: the previous fingerprint, the revision, and the batch's
//! replicated puts (counters resolved), deletes and ranges in key order. Cluster-local keys and generations are left
//! out, so a copy in another cluster arrives at the same value.

use crypto::Sha256;
use storage::apply::Effects;
use storage::{Class, RawKey, Revision, Value};

pub(super) fn advance(before: &[u8; 32], revision: Revision, effects: &Effects) -> [u8; 32] {
    let replicated = |key: &&RawKey| key.class() == Class::Replicated;
    let mut items: Vec<(&RawKey, u8, Option<&Value>)> = Vec::new();
    items.extend(effects.prefix_deletes.iter().filter(replicated).map(|key| (key, RANGE, None)));
    items.extend(effects.deletes.iter().filter(replicated).map(|key| (key, DELETE, None)));
    items.extend(effects.puts.iter().filter(|(key, _)| replicated(key)).map(|(key, value)| (key, PUT, Some(value))));
    items.sort_by_key(|(key, kind, _)| (*key, *kind));

    let mut hash = begin(before, revision);
    for (key, kind, value) in items {
        hash.update(&[kind]);
        sized(&mut hash, key.as_bytes());
        match value {
            Some(Value::Bytes(bytes)) => {
                hash.update(&[0]);
                sized(&mut hash, bytes);
            }
            Some(Value::Counter(n)) => {
                hash.update(&[1]);
                hash.update(&n.to_be_bytes());
            }
            None => {}
        }
    }
    hash.finish()
}

/// The fingerprint after a new epoch began, which changes no key.
pub(super) fn begin_epoch(before: &[u8; 32], revision: Revision) -> [u8; 32] {
    begin(before, revision).finish()
}

fn begin(before: &[u8; 32], revision: Revision) -> Sha256 {
    let mut hash = Sha256::new();
    hash.update(before);
    hash.update(&revision.to_bytes());
    hash
}

fn sized(hash: &mut Sha256, bytes: &[u8]) {
    hash.update(&(bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}

const RANGE: u8 = 0;
const DELETE: u8 = 1;
const PUT: u8 = 2;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn put(class: Class, name: &'static str, value: &'static str) -> Effects {
        let mut effects = Effects::default();
        effects.puts.insert(RawKey::root(class).plain(name), Value::Bytes(Bytes::from_static(value.as_bytes())));
        effects
    }

    #[test]
    fn every_part_of_the_change_counts() {
        let revision = Revision::default().next();
        let base = advance(&[0; 32], revision, &put(Class::Replicated, "a", "1"));
        assert_eq!(base, advance(&[0; 32], revision, &put(Class::Replicated, "a", "1")));
        assert_ne!(base, advance(&[1; 32], revision, &put(Class::Replicated, "a", "1")));
        assert_ne!(base, advance(&[0; 32], revision.next(), &put(Class::Replicated, "a", "1")));
        assert_ne!(base, advance(&[0; 32], revision, &put(Class::Replicated, "b", "1")));
        assert_ne!(base, advance(&[0; 32], revision, &put(Class::Replicated, "a", "2")));
        let deleted = Effects { deletes: vec![RawKey::root(Class::Replicated).plain("a")], ..Effects::default() };
        let range = Effects { prefix_deletes: deleted.deletes.clone(), ..Effects::default() };
        assert_ne!(advance(&[0; 32], revision, &deleted), advance(&[0; 32], revision, &range));
    }

    #[test]
    fn cluster_local_keys_do_not_count() {
        let revision = Revision::default();
        let none = advance(&[0; 32], revision, &Effects::default());
        assert_eq!(none, advance(&[0; 32], revision, &put(Class::Local, "a", "1")));
    }
}
