//! What a batch does to a state: a pure decision that the in-memory store and the replicated one share.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::{Batch, Class, CounterOp, Epoch, RawKey, Revision, StoreError, Stored, Value};

/// The changes of an accepted batch, counters resolved. Range deletes come first, then single deletes, then puts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    pub puts: BTreeMap<RawKey, Value>,
    pub deletes: Vec<RawKey>,
    pub prefix_deletes: Vec<RawKey>,
    /// The counters' values after it, in the batch's order.
    pub counters: Vec<i64>,
    /// Whether a replicated key changes, which is what moves the revision.
    pub replicated: bool,
}

/// Why a batch changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The bare class of replicated keys stands for all of them: another line of history has begun.
    Conflict(RawKey),
    Floor(RawKey),
}

/// As much of a record as a decision depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brief {
    pub revision: Revision,
    /// Of a counter.
    pub counter: Option<i64>,
}

impl Brief {
    pub fn new(revision: Revision, value: &Value) -> Self {
        let counter = if let Value::Counter(n) = value { Some(*n) } else { None };
        Self { revision, counter }
    }
}

impl From<&Stored> for Brief {
    fn from(stored: &Stored) -> Self {
        Self::new(stored.revision, &stored.value)
    }
}

/// Checks what the batch relied on against the state that `get` reads, and says what it changes. `epoch` is the line of
/// history that the state is on.
pub fn decide(
    batch: &Batch,
    epoch: Epoch,
    get: &mut dyn FnMut(&RawKey) -> Result<Option<Brief>, StoreError>,
) -> Result<Result<Effects, Refusal>, StoreError> {
    if batch.epoch.is_some_and(|read_from| read_from != epoch) {
        return Ok(Err(Refusal::Conflict(RawKey::root(Class::Replicated))));
    }
    for check in &batch.checks {
        if get(&check.key)?.map(|brief| brief.revision) != check.revision {
            return Ok(Err(Refusal::Conflict(check.key.clone())));
        }
    }
    let mut effects = Effects {
        deletes: batch.deletes.clone(),
        prefix_deletes: batch.prefix_deletes.clone(),
        puts: batch.puts.iter().map(|(k, v)| (k.clone(), Value::Bytes(Bytes::clone(v)))).collect(),
        ..Effects::default()
    };
    effects.deletes.sort();
    effects.prefix_deletes.sort();
    for change in &batch.counters {
        let now = match change.op {
            CounterOp::Set(n) => n,
            CounterOp::Add { by, floor } => {
                let before = match effects.puts.get(&change.key) {
                    Some(Value::Counter(n)) => Some(*n),
                    _ => get(&change.key)?.and_then(|brief| brief.counter),
                };
                match before.and_then(|n| n.checked_add(by)).filter(|n| *n >= floor) {
                    Some(n) => n,
                    None => return Ok(Err(Refusal::Floor(change.key.clone()))),
                }
            }
        };
        effects.counters.push(now);
        effects.puts.insert(change.key.clone(), Value::Counter(now));
    }
    effects.replicated = effects
        .puts
        .keys()
        .chain(&effects.deletes)
        .chain(&effects.prefix_deletes)
        .any(|key| key.class() == Class::Replicated);
    Ok(Ok(effects))
}
