//! One step of a primary's history, as its feed keeps it and a secondary's log carries it.
//!
//! The encoding is [`log::encoding`](crate::log::encoding)'s, in a file of its own: a format byte, then numbers in big-endian and
//! lists with a u32 length.

use bytes::{BufMut, Bytes, BytesMut};
use storage::apply::Effects;
use storage::{Class, Millis, RawKey, Revision, Value};

use crate::log::encoding::{DecodeError, Input, put_bytes, put_keys, put_len};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fed {
    /// Of the state behind it.
    pub revision: Revision,
    pub fingerprint: [u8; 32],
    /// The clock that it came with.
    pub now: Millis,
    pub fact: Fact,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The feed begins here; what led to it is not in it.
    Begin,
    /// Another line of history has begun, with the same records.
    Epoch,
    /// Replicated keys alone, counters resolved.
    Changed { puts: Vec<(RawKey, Value)>, deletes: Vec<RawKey>, prefix_deletes: Vec<RawKey> },
}

impl Fact {
    pub fn of(effects: &Effects) -> Self {
        let replicated = |key: &&RawKey| key.class() == Class::Replicated;
        Self::Changed {
            puts: effects
                .puts
                .iter()
                .filter(|(key, _)| replicated(key))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
            deletes: effects.deletes.iter().filter(replicated).cloned().collect(),
            prefix_deletes: effects.prefix_deletes.iter().filter(replicated).cloned().collect(),
        }
    }

    /// What it does to a state; none if it changes no record.
    pub fn effects(&self) -> Option<Effects> {
        let Self::Changed { puts, deletes, prefix_deletes } = self else { return None };
        Some(Effects {
            puts: puts.iter().cloned().collect(),
            deletes: deletes.clone(),
            prefix_deletes: prefix_deletes.clone(),
            counters: Vec::new(),
            replicated: true,
        })
    }
}

impl Fed {
    /// Where it lies in the feed: in the order of history.
    pub fn place(revision: Revision) -> [u8; PLACE] {
        let mut place = [0; PLACE];
        place[..4].copy_from_slice(&revision.epoch.number.to_be_bytes());
        place[4..].copy_from_slice(&revision.n.to_be_bytes());
        place
    }

    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(256);
        out.put_u8(FORMAT);
        out.put_slice(&self.revision.to_bytes());
        out.put_slice(&self.fingerprint);
        out.put_u64(self.now.0);
        match &self.fact {
            Fact::Begin => out.put_u8(kind::BEGIN),
            Fact::Epoch => out.put_u8(kind::EPOCH),
            Fact::Changed { puts, deletes, prefix_deletes } => {
                out.put_u8(kind::CHANGED);
                put_len(&mut out, puts.len());
                for (key, value) in puts {
                    put_bytes(&mut out, key.as_bytes());
                    put_value(&mut out, value);
                }
                put_keys(&mut out, deletes);
                put_keys(&mut out, prefix_deletes);
            }
        }
        out.freeze()
    }

    pub fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        let mut input = Input::new(bytes)?;
        let (revision, fingerprint, now) = (input.revision()?, input.array()?, Millis(input.u64()?));
        let fact = match input.u8()? {
            kind::BEGIN => Fact::Begin,
            kind::EPOCH => Fact::Epoch,
            kind::CHANGED => Fact::Changed {
                puts: input.list(|input| Ok((replicated(input)?, value(input)?)))?,
                deletes: input.list(replicated)?,
                prefix_deletes: input.list(replicated)?,
            },
            _ => return Err(DecodeError::Malformed("a step of history of an unknown kind")),
        };
        input.finish()?;
        Ok(Self { revision, fingerprint, now, fact })
    }
}

/// One that is cluster-local has no business in a feed.
fn replicated(input: &mut Input) -> Result<RawKey, DecodeError> {
    let key = input.key()?;
    match key.class() {
        Class::Replicated => Ok(key),
        Class::Local => Err(DecodeError::Malformed("a key of one cluster alone")),
    }
}

pub(crate) fn put_value(out: &mut BytesMut, value: &Value) {
    match value {
        Value::Bytes(bytes) => {
            out.put_u8(0);
            put_bytes(out, bytes);
        }
        Value::Counter(n) => {
            out.put_u8(1);
            out.put_i64(*n);
        }
    }
}

pub(crate) fn value(input: &mut Input) -> Result<Value, DecodeError> {
    match input.u8()? {
        0 => Ok(Value::Bytes(input.bytes()?)),
        1 => Ok(Value::Counter(input.i64()?)),
        _ => Err(DecodeError::Malformed("a value of an unknown kind")),
    }
}

const FORMAT: u8 = 1;
const PLACE: usize = 4 + 8;

mod kind {
    pub const BEGIN: u8 = 0;
    pub const EPOCH: u8 = 1;
    pub const CHANGED: u8 = 2;
}

#[cfg(test)]
mod tests {
    use storage::Epoch;

    use super::*;

    fn key(name: &'static str) -> RawKey {
        RawKey::root(Class::Replicated).plain(name)
    }

    fn all() -> Vec<Fed> {
        let changed = Fact::Changed {
            puts: vec![(key("a"), Value::Bytes(Bytes::from_static(b"1"))), (key("b"), Value::Counter(-4))],
            deletes: vec![key("c")],
            prefix_deletes: vec![key("d")],
        };
        let revision = Revision { epoch: Epoch { number: 3, bits: 9 }, n: 70 };
        [Fact::Begin, Fact::Epoch, changed]
            .into_iter()
            .map(|fact| Fed { revision, fingerprint: [5; 32], now: Millis(8), fact })
            .collect()
    }

    #[test]
    fn steps_come_back_as_they_were() {
        for fed in all() {
            assert_eq!(Fed::decode(fed.encode()).unwrap(), fed);
        }
    }

    #[test]
    fn every_cut_and_every_flipped_byte_is_an_error_or_another_step_but_no_panic() {
        for fed in all() {
            let good = fed.encode();
            for at in 0..good.len() {
                assert!(Fed::decode(good.slice(..at)).is_err());
                let mut bad = good.to_vec();
                bad[at] ^= 0x41;
                assert_ne!(Fed::decode(bad.into()).ok(), Some(fed.clone()));
            }
        }
    }

    #[test]
    fn a_key_of_one_cluster_alone_is_refused() {
        let local = RawKey::root(Class::Local).plain("seal");
        let fact = Fact::Changed { puts: Vec::new(), deletes: vec![local], prefix_deletes: Vec::new() };
        let fed = Fed { revision: Revision::default(), fingerprint: [0; 32], now: Millis(0), fact };
        assert!(Fed::decode(fed.encode()).is_err());
    }

    #[test]
    fn places_are_in_the_order_of_history() {
        let at = |number, n| Fed::place(Revision { epoch: Epoch { number, bits: 0 }, n });
        let places = [at(1, 2), at(1, 300), at(2, 300), at(2, 301), at(300, 1)];
        assert!(places.is_sorted());
    }
}
