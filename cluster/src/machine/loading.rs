//! The load that is under way, and what its entries do to the state.
//!
//! A load fills the generation after the current one. No other has ever data besides the current, so whatever an earlier
//! load has left is removed by one range.

use bytes::{BufMut, Bytes, BytesMut};
use rocksdb::WriteBatch;
use storage::apply::Effects;
use storage::{Class, RawKey, Revision, StoreError, Value};

use super::apply::{Live, Planned};
use super::database::{DATA, Database, LOADING, META};
use super::{fingerprint, key};
use crate::bulk::{Bulk, Chunk, Landing, LoadId, Merge, Switch};
use crate::consensus::Applied;
use crate::log::encoding::{DecodeError, Input, put_bytes};

/// What is stored of a load while it lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loading {
    pub id: LoadId,
    /// How many chunks have come.
    pub chunks: u32,
    /// All has come and is being put in its place, which nothing takes back.
    pub merging: Option<Merging>,
}

/// How far a merge is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merging {
    /// Where the state stands when it is done.
    pub revision: Revision,
    pub fingerprint: [u8; 32],
    /// The first key that may not be in its place yet.
    pub from: RawKey,
}

impl Live {
    pub(super) fn bulk(&self, database: &Database, bulk: &Bulk, planned: &mut Planned) -> Result<(), StoreError> {
        planned.answer = match bulk {
            Bulk::Begin(id) => self.begin(database, *id, planned),
            Bulk::Chunk(chunk) => self.chunk(database, chunk, planned),
            Bulk::Switch(switch) => self.switch(database, switch, planned)?,
            Bulk::End(id) => self.end(database, *id, planned),
            Bulk::Merge(merge) => self.merge(database, merge, planned),
            Bulk::Step(id) => self.step(database, *id, planned)?,
        };
        Ok(())
    }

    fn begin(&self, database: &Database, id: LoadId, planned: &mut Planned) -> Applied {
        let Some(generation) = self.next_generation() else { return Applied::NotThisLoad };
        if self.loading.as_ref().is_some_and(|loading| loading.merging.is_some()) {
            return Applied::NotThisLoad;
        }
        delete_generation(database, generation, &mut planned.write);
        planned.set_loading(database, Some(Loading { id, chunks: 0, merging: None }));
        Applied::Loaded
    }

    fn chunk(&self, database: &Database, chunk: &Chunk, planned: &mut Planned) -> Applied {
        let (Some(loading), Some(generation)) = (self.loading_of(chunk.load), self.next_generation()) else {
            return Applied::NotThisLoad;
        };
        if loading.chunks != chunk.number {
            return Applied::NotThisLoad;
        }
        for (key, record) in &chunk.records {
            planned.write.put_cf(database.column(DATA), key::physical(generation, key.as_bytes()), record);
        }
        planned.set_loading(database, Some(Loading { chunks: loading.chunks + 1, ..loading.clone() }));
        Applied::Loaded
    }

    fn switch(&self, database: &Database, switch: &Switch, planned: &mut Planned) -> Result<Applied, StoreError> {
        let (Some(loading), Some(generation)) = (self.loading_of(switch.load), self.next_generation()) else {
            return Ok(Applied::NotThisLoad);
        };
        let adopted = self.standing.source().and_then(|source| source.adopting.as_ref());
        let arrives = match switch.landing {
            // A restore that a change of roles has overtaken.
            Landing::Raised if self.standing.source().is_some() => false,
            Landing::Raised => switch.epoch.number > self.position.revision.epoch.number,
            Landing::Adopted => adopted.is_some(),
        };
        if loading.chunks != switch.chunks || !arrives {
            return Ok(Applied::NotThisLoad);
        }
        for check in &switch.checks {
            let found = database.brief(self.position.generation, &check.key)?;
            if found.map(|brief| brief.revision) != check.revision {
                return Ok(Applied::NotThisLoad);
            }
        }
        delete_generation(database, self.position.generation, &mut planned.write);
        let position = &mut planned.position;
        position.generation = generation;
        position.revision = Revision { epoch: switch.epoch, n: switch.n };
        let on_top = match (switch.landing, adopted) {
            (Landing::Adopted, Some(adopted)) => {
                position.fingerprint = switch.fingerprint;
                written(&adopted.puts, &adopted.prefix_deletes)
            }
            _ => {
                position.fingerprint = fingerprint::begin_epoch(&switch.fingerprint, position.revision);
                written(&switch.puts, &switch.prefix_deletes)
            }
        };
        planned.effects(database, &on_top);
        planned.set_loading(database, None);
        if switch.landing == Landing::Adopted {
            planned.adopted(database, &self.standing);
        }
        planned.another_history(database, &self.standing);
        Ok(Applied::Switched(planned.position.revision))
    }

    fn merge(&self, database: &Database, merge: &Merge, planned: &mut Planned) -> Applied {
        let whole = self.loading_of(merge.load).filter(|loading| loading.chunks == merge.chunks);
        let secondary = self.standing.source().is_some_and(|source| source.adopting.is_none());
        let based = merge.base == (self.position.revision, self.position.fingerprint);
        let Some(loading) = whole.filter(|_| secondary && based) else { return Applied::NotThisLoad };
        let from = RawKey::root(Class::Replicated);
        let merging = Merging { revision: merge.revision, fingerprint: merge.fingerprint, from };
        planned.set_loading(database, Some(Loading { merging: Some(merging), ..loading.clone() }));
        Applied::Loaded
    }

    /// Puts a bounded number of records in their place.
    fn step(&self, database: &Database, id: LoadId, planned: &mut Planned) -> Result<Applied, StoreError> {
        let loading = self.loading.as_ref().filter(|loading| loading.id == id);
        let (Some(loading), Some(generation)) = (loading, self.next_generation()) else {
            return Ok(Applied::NotThisLoad);
        };
        let Some(merging) = &loading.merging else { return Ok(Applied::NotThisLoad) };
        let (current, data) = (self.position.generation, database.column(DATA));
        let (write, mut size, mut next) = (&mut planned.write, 0, None);
        database.walk_generation(generation, &merging.from, &mut |key, record| {
            if size >= STEP {
                next = Some(key);
                return false;
            }
            size += key.as_bytes().len() + record.len() + RECORD;
            let at = key::physical(current, key.as_bytes());
            match record.is_empty() {
                true => write.delete_cf(data, at),
                false => write.put_cf(data, at, record),
            }
            true
        })?;
        if let Some(from) = next {
            let merging = Merging { from, ..merging.clone() };
            planned.set_loading(database, Some(Loading { merging: Some(merging), ..loading.clone() }));
            return Ok(Applied::Loaded);
        }
        delete_generation(database, generation, &mut planned.write);
        planned.position.revision = merging.revision;
        planned.position.fingerprint = merging.fingerprint;
        planned.set_loading(database, None);
        planned.another_history(database, &self.standing);
        Ok(Applied::Switched(planned.position.revision))
    }

    /// Removes what the load has brought, if it is still the one.
    fn end(&self, database: &Database, id: LoadId, planned: &mut Planned) -> Applied {
        let (Some(_), Some(generation)) = (self.loading_of(id), self.next_generation()) else {
            return Applied::NotThisLoad;
        };
        delete_generation(database, generation, &mut planned.write);
        planned.set_loading(database, None);
        Applied::Loaded
    }

    /// What is loaded was meant for another role.
    pub(super) fn drop_load(&self, database: &Database, planned: &mut Planned) {
        if let (Some(_), Some(generation)) = (&self.loading, self.next_generation()) {
            delete_generation(database, generation, &mut planned.write);
            planned.set_loading(database, None);
        }
    }

    /// If it is the one under way, and may still go either way.
    fn loading_of(&self, id: LoadId) -> Option<&Loading> {
        self.loading.as_ref().filter(|loading| loading.id == id && loading.merging.is_none())
    }

    fn next_generation(&self) -> Option<u32> {
        self.position.generation.checked_add(1)
    }
}

fn written(puts: &[(RawKey, Bytes)], prefix_deletes: &[RawKey]) -> Effects {
    Effects {
        puts: puts.iter().map(|(key, value)| (key.clone(), Value::Bytes(value.clone()))).collect(),
        prefix_deletes: prefix_deletes.to_vec(),
        replicated: puts.iter().any(|(key, _)| key.class() == Class::Replicated),
        ..Effects::default()
    }
}

fn delete_generation(database: &Database, generation: u32, write: &mut WriteBatch) {
    let from = key::physical(generation, RawKey::root(Class::Replicated).as_bytes());
    // Invariant: it begins with its class, an ASCII letter.
    let to = key::end_of(&from).expect("invariant: something follows every generation");
    write.delete_range_cf(database.column(DATA), from, to);
}

impl Planned {
    fn set_loading(&mut self, database: &Database, loading: Option<Loading>) {
        match loading {
            Some(ref loading) => self.write.put_cf(database.column(META), LOADING, loading.encode()),
            None => self.write.delete_cf(database.column(META), LOADING),
        }
        self.loading = Some(loading);
    }
}

impl Loading {
    fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(64);
        out.put_u8(FORMAT);
        out.put_slice(&self.id.0);
        out.put_u32(self.chunks);
        if let Some(merging) = &self.merging {
            out.put_slice(&merging.revision.to_bytes());
            out.put_slice(&merging.fingerprint);
            put_bytes(&mut out, merging.from.as_bytes());
        }
        out.freeze()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Input::new(Bytes::copy_from_slice(bytes))?;
        let (id, chunks) = (LoadId(input.array()?), input.u32()?);
        let merging = match input.is_empty() {
            true => None,
            false => Some(Merging { revision: input.revision()?, fingerprint: input.array()?, from: input.key()? }),
        };
        input.finish()?;
        Ok(Self { id, chunks, merging })
    }
}

const FORMAT: u8 = 1;
/// About how many bytes one entry of a merge puts in their place, and what a record takes beside its own.
const STEP: usize = 4 << 20;
const RECORD: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_comes_back_as_it_was() {
        let from = RawKey::root(Class::Replicated).plain("a");
        let merging = Merging { revision: Revision::default().next(), fingerprint: [3; 32], from };
        for merging in [None, Some(merging)] {
            let loading = Loading { id: LoadId([7; 16]), chunks: 9, merging };
            assert_eq!(Loading::decode(&loading.encode()).unwrap(), loading);
            assert!(Loading::decode(&loading.encode()[1..]).is_err());
            assert!(Loading::decode(&loading.encode()[..20]).is_err());
        }
        assert!(Loading::decode(b"").is_err());
    }
}
