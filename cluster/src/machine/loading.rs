//! The load that is under way, and what its entries do to the state.
//!
//! A load fills the generation after the current one. No other has ever data besides the current, so whatever an earlier
//! load has left is removed by one range.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use rocksdb::WriteBatch;
use storage::apply::Effects;
use storage::{Change, Class, RawKey, Revision, StoreError, Value};

use super::apply::{Live, Planned};
use super::database::{DATA, Database, LOADING, META};
use super::{fingerprint, key};
use crate::bulk::{Bulk, Chunk, LoadId, Switch};
use crate::consensus::Applied;
use crate::log::encoding::DecodeError;

/// What is stored of a load while it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loading {
    pub id: LoadId,
    /// How many chunks have come.
    pub chunks: u32,
}

impl Live {
    pub(super) fn bulk(&self, database: &Database, bulk: &Bulk, planned: &mut Planned) -> Result<(), StoreError> {
        planned.answer = match bulk {
            Bulk::Begin(id) => self.begin(database, *id, planned),
            Bulk::Chunk(chunk) => self.chunk(database, chunk, planned),
            Bulk::Switch(switch) => self.switch(database, switch, planned)?,
            Bulk::End(id) => self.end(database, *id, planned),
        };
        Ok(())
    }

    fn begin(&self, database: &Database, id: LoadId, planned: &mut Planned) -> Applied {
        let Some(generation) = self.next_generation() else { return Applied::NotThisLoad };
        delete_generation(database, generation, &mut planned.write);
        planned.set_loading(database, Some(Loading { id, chunks: 0 }));
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
        planned.set_loading(database, Some(Loading { chunks: loading.chunks + 1, ..loading }));
        Applied::Loaded
    }

    fn switch(&self, database: &Database, switch: &Switch, planned: &mut Planned) -> Result<Applied, StoreError> {
        let (Some(loading), Some(generation)) = (self.loading_of(switch.load), self.next_generation()) else {
            return Ok(Applied::NotThisLoad);
        };
        if loading.chunks != switch.chunks || switch.epoch.number <= self.position.revision.epoch.number {
            return Ok(Applied::NotThisLoad);
        }
        for check in &switch.checks {
            let found = database.get(self.position.generation, &check.key)?;
            if found.map(|stored| stored.revision) != check.revision {
                return Ok(Applied::NotThisLoad);
            }
        }
        delete_generation(database, self.position.generation, &mut planned.write);
        let position = &mut planned.position;
        position.generation = generation;
        position.revision = Revision { epoch: switch.epoch, n: switch.n };
        position.fingerprint = fingerprint::begin_epoch(&switch.fingerprint, position.revision);
        let effects = Effects {
            puts: switch.puts.iter().map(|(key, value)| (key.clone(), Value::Bytes(value.clone()))).collect(),
            prefix_deletes: switch.prefix_deletes.clone(),
            replicated: switch.puts.iter().any(|(key, _)| key.class() == Class::Replicated),
            ..Effects::default()
        };
        planned.effects(database, &effects);
        planned.set_loading(database, None);
        planned.change = Some(Change::Everything);
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

    fn loading_of(&self, id: LoadId) -> Option<Loading> {
        self.loading.filter(|loading| loading.id == id)
    }

    fn next_generation(&self) -> Option<u32> {
        self.position.generation.checked_add(1)
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
            Some(loading) => self.write.put_cf(database.column(META), LOADING, loading.encode()),
            None => self.write.delete_cf(database.column(META), LOADING),
        }
        self.loading = Some(loading);
    }
}

impl Loading {
    fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(LEN);
        out.put_u8(FORMAT);
        out.put_slice(&self.id.0);
        out.put_u32(self.chunks);
        out.freeze()
    }

    pub(super) fn decode(mut bytes: &[u8]) -> Result<Self, DecodeError> {
        match bytes.first() {
            Some(&FORMAT) if bytes.len() == LEN => bytes.advance(1),
            Some(&FORMAT) | None => return Err(DecodeError::Truncated),
            Some(&other) => return Err(DecodeError::Format(other)),
        }
        let mut id = [0; 16];
        bytes.copy_to_slice(&mut id);
        Ok(Self { id: LoadId(id), chunks: bytes.get_u32() })
    }
}

const FORMAT: u8 = 1;
const LEN: usize = 1 + 16 + 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_comes_back_as_it_was() {
        let loading = Loading { id: LoadId([7; 16]), chunks: 9 };
        assert_eq!(Loading::decode(&loading.encode()).unwrap(), loading);
        assert!(Loading::decode(&loading.encode()[1..]).is_err());
        assert!(Loading::decode(b"").is_err());
    }
}
