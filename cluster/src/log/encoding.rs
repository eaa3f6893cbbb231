//! How consensus is written down: log entries, votes, log ids and memberships, on disk and on the wire.
//!
//! The encoding is ours, not the library's serde, so that a version bump of the library changes no stored byte. Every
//! record begins with a version of its own format. Numbers are big-endian; strings and lists carry a u32 length. Whatever is
//! decoded came from a disk or a peer: malformed bytes are an error, never a panic, and no length is believed before
//! the bytes are there.

#[cfg(feature = "faults")]
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use openraft::EntryPayload;
use storage::{Batch, Check, CounterChange, CounterOp, Epoch, Millis, RawKey, RequestId, Revision};

use crate::bulk::{Bulk, Chunk, Landing, LoadId, Merge, Switch};
use crate::consensus::{Command, Entry, LeaderId, LogId, Member, Membership, SnapshotMeta, StoredMembership, Vote};
use crate::dr::{Fed, Stand};
use crate::format::Form;
use crate::recovery::{Recovered, Recovery};

#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("the record ends too early")]
    Truncated,
    #[error("the record is of format {0}, which this version does not know")]
    Format(u8),
    #[error("the record is malformed: {0}")]
    Malformed(&'static str),
}

impl From<DecodeError> for std::io::Error {
    fn from(error: DecodeError) -> Self {
        Self::new(std::io::ErrorKind::InvalidData, error)
    }
}

const FORMAT: u8 = 1;
/// Of records with members in them: since then a member says whether it is to stay without a vote.
const FORMAT_OF_MEMBERS: u8 = 2;

mod kind {
    pub const BLANK: u8 = 0;
    pub const MEMBERSHIP: u8 = 1;
    pub const BATCH: u8 = 2;
    pub const EPOCH: u8 = 3;
    pub const BEGIN_LOAD: u8 = 4;
    pub const CHUNK: u8 = 5;
    pub const SWITCH: u8 = 6;
    pub const END_LOAD: u8 = 7;
    pub const RECOVERED: u8 = 8;
    pub const FORMAT: u8 = 9;
    pub const MERGE: u8 = 10;
    pub const STEP: u8 = 11;
    pub const STAND: u8 = 12;
    pub const FOLLOW: u8 = 13;
    pub const TRIM: u8 = 14;
}

/// What follows at the end of a batch.
mod tail {
    pub const OUTCOME: u8 = 1;
    pub const EPOCH: u8 = 2;
}

pub fn encode_entry(entry: &Entry, form: Form) -> Bytes {
    let size = match &entry.payload {
        EntryPayload::Normal(Command::Batch(batch)) => batch.size() + 64,
        EntryPayload::Normal(Command::Bulk(Bulk::Chunk(chunk))) => chunk.size(),
        _ => 256,
    };
    let mut out = BytesMut::with_capacity(size);
    out.put_u8(match &entry.payload {
        EntryPayload::Membership(_) | EntryPayload::Normal(Command::Recovered(_)) => FORMAT_OF_MEMBERS,
        _ => FORMAT,
    });
    put_log_id(&mut out, &entry.log_id);
    match &entry.payload {
        EntryPayload::Blank => out.put_u8(kind::BLANK),
        EntryPayload::Membership(membership) => {
            out.put_u8(kind::MEMBERSHIP);
            put_membership(&mut out, membership);
        }
        EntryPayload::Normal(Command::Batch(batch)) => {
            out.put_u8(kind::BATCH);
            put_batch(&mut out, batch);
        }
        EntryPayload::Normal(Command::Epoch(epoch)) => {
            out.put_u8(kind::EPOCH);
            put_epoch(&mut out, *epoch);
        }
        EntryPayload::Normal(Command::Bulk(bulk)) => put_bulk(&mut out, bulk),
        EntryPayload::Normal(Command::Format(format)) => {
            out.put_u8(kind::FORMAT);
            out.put_u32(*format);
        }
        EntryPayload::Normal(Command::Recovered(recovered)) => {
            out.put_u8(kind::RECOVERED);
            put_recovered(&mut out, recovered);
        }
        EntryPayload::Normal(Command::Stand(stand)) => {
            out.put_u8(kind::STAND);
            // Invariant: maps with other keys than text are what JSON cannot hold, and there are none.
            put_bytes(&mut out, &serde_json::to_vec(&**stand).expect("invariant: a standing is plain data"));
        }
        EntryPayload::Normal(Command::Follow(steps)) => {
            out.put_u8(kind::FOLLOW);
            put_len(&mut out, steps.len());
            steps.iter().for_each(|step| put_bytes(&mut out, &step.encode()));
        }
        EntryPayload::Normal(Command::Trim(upto)) => {
            out.put_u8(kind::TRIM);
            out.put_slice(&upto.to_bytes());
        }
    }
    match form {
        Form::First => out.freeze(),
        #[cfg(feature = "faults")]
        Form::Next => crate::under_test::write(&out).into(),
    }
}

/// Values inside the entry share `bytes`.
pub fn decode_entry(bytes: Bytes) -> Result<Entry, DecodeError> {
    let mut input = Input::new(bytes)?;
    let log_id = input.log_id()?;
    let payload = match input.u8()? {
        kind::BLANK => EntryPayload::Blank,
        kind::MEMBERSHIP => EntryPayload::Membership(input.membership()?),
        kind::BATCH => EntryPayload::Normal(Command::Batch(Arc::new(input.batch()?))),
        kind::EPOCH => EntryPayload::Normal(Command::Epoch(input.epoch()?)),
        kind::BEGIN_LOAD => EntryPayload::Normal(Command::Bulk(Bulk::Begin(input.load()?))),
        kind::CHUNK => EntryPayload::Normal(Command::Bulk(Bulk::Chunk(Arc::new(input.chunk()?)))),
        kind::SWITCH => EntryPayload::Normal(Command::Bulk(Bulk::Switch(Arc::new(input.switch()?)))),
        kind::END_LOAD => EntryPayload::Normal(Command::Bulk(Bulk::End(input.load()?))),
        kind::FORMAT => EntryPayload::Normal(Command::Format(input.u32()?)),
        kind::RECOVERED => EntryPayload::Normal(Command::Recovered(Arc::new(input.recovered()?))),
        kind::MERGE => EntryPayload::Normal(Command::Bulk(Bulk::Merge(Arc::new(input.merge()?)))),
        kind::STEP => EntryPayload::Normal(Command::Bulk(Bulk::Step(input.load()?))),
        kind::STAND => EntryPayload::Normal(Command::Stand(Arc::new(input.stand()?))),
        kind::FOLLOW => {
            let steps = input.list(|input| Fed::decode(input.bytes()?))?;
            EntryPayload::Normal(Command::Follow(steps.into()))
        }
        kind::TRIM => EntryPayload::Normal(Command::Trim(input.revision()?)),
        _ => return Err(DecodeError::Malformed("an entry of an unknown kind")),
    };
    input.finish()?;
    Ok(Entry { log_id, payload })
}

pub fn encode_vote(vote: &Vote) -> Bytes {
    let mut out = BytesMut::with_capacity(18);
    out.put_u8(FORMAT);
    put_leader_id(&mut out, &vote.leader_id);
    out.put_u8(u8::from(vote.committed));
    out.freeze()
}

pub fn decode_vote(bytes: Bytes) -> Result<Vote, DecodeError> {
    let mut input = Input::new(bytes)?;
    let leader_id = input.leader_id()?;
    let committed = input.flag()?;
    input.finish()?;
    Ok(Vote { leader_id, committed })
}

pub fn encode_log_id(log_id: &LogId) -> Bytes {
    let mut out = BytesMut::with_capacity(25);
    out.put_u8(FORMAT);
    put_log_id(&mut out, log_id);
    out.freeze()
}

pub fn decode_log_id(bytes: Bytes) -> Result<LogId, DecodeError> {
    let mut input = Input::new(bytes)?;
    let log_id = input.log_id()?;
    input.finish()?;
    Ok(log_id)
}

pub fn encode_membership(stored: &StoredMembership) -> Bytes {
    let mut out = BytesMut::with_capacity(512);
    out.put_u8(FORMAT_OF_MEMBERS);
    put_optional_log_id(&mut out, stored.log_id().as_ref());
    put_membership(&mut out, stored.membership());
    out.freeze()
}

pub fn decode_membership(bytes: Bytes) -> Result<StoredMembership, DecodeError> {
    let mut input = Input::new(bytes)?;
    let stored = input.stored_membership()?;
    input.finish()?;
    Ok(stored)
}

pub fn encode_recovery(recovery: &Recovery) -> Bytes {
    let mut out = BytesMut::with_capacity(512);
    out.put_u8(FORMAT_OF_MEMBERS);
    out.put_u64(recovery.index);
    put_recovered(&mut out, &recovery.recovered);
    out.freeze()
}

pub fn decode_recovery(bytes: Bytes) -> Result<Recovery, DecodeError> {
    let mut input = Input::new(bytes)?;
    let recovery = Recovery { index: input.u64()?, recovered: input.recovered()? };
    input.finish()?;
    Ok(recovery)
}

pub fn encode_snapshot_meta(meta: &SnapshotMeta, form: Form) -> Bytes {
    let mut out = BytesMut::with_capacity(512);
    out.put_u8(FORMAT_OF_MEMBERS);
    put_optional_log_id(&mut out, meta.last_log_id.as_ref());
    put_optional_log_id(&mut out, meta.last_membership.log_id().as_ref());
    put_membership(&mut out, meta.last_membership.membership());
    match form {
        Form::First => out.freeze(),
        #[cfg(feature = "faults")]
        Form::Next => crate::under_test::write(&out).into(),
    }
}

pub fn decode_snapshot_meta(bytes: Bytes) -> Result<SnapshotMeta, DecodeError> {
    let mut input = Input::new(bytes)?;
    let last_log_id = input.optional_log_id()?;
    let last_membership = input.stored_membership()?;
    input.finish()?;
    Ok(SnapshotMeta { last_log_id, last_membership })
}

fn put_leader_id(out: &mut BytesMut, id: &LeaderId) {
    out.put_u64(id.term);
    out.put_u64(id.node_id);
}

fn put_log_id(out: &mut BytesMut, id: &LogId) {
    put_leader_id(out, &id.leader_id);
    out.put_u64(id.index);
}

fn put_optional_log_id(out: &mut BytesMut, id: Option<&LogId>) {
    out.put_u8(u8::from(id.is_some()));
    if let Some(id) = id {
        put_log_id(out, id);
    }
}

pub(crate) fn put_len(out: &mut BytesMut, len: usize) {
    // Invariant: batches are capped at a few MiB and memberships are tiny long before they get here.
    out.put_u32(u32::try_from(len).expect("invariant: nothing in an entry has 4 GiB"));
}

pub(crate) fn put_bytes(out: &mut BytesMut, bytes: &[u8]) {
    put_len(out, bytes.len());
    out.put_slice(bytes);
}

fn put_membership(out: &mut BytesMut, membership: &Membership) {
    let configs = membership.get_joint_config();
    put_len(out, configs.len());
    for config in configs {
        put_len(out, config.len());
        config.iter().for_each(|id| out.put_u64(*id));
    }
    put_len(out, membership.nodes().count());
    for (id, member) in membership.nodes() {
        out.put_u64(*id);
        put_member(out, member);
    }
}

pub(crate) fn put_member(out: &mut BytesMut, member: &Member) {
    put_bytes(out, member.name.as_bytes());
    put_bytes(out, member.address.as_bytes());
    put_bytes(out, member.api_address.as_bytes());
    out.put_slice(&member.key);
    out.put_u8(u8::from(member.non_voter));
}

fn put_recovered(out: &mut BytesMut, recovered: &Recovered) {
    out.put_u64(recovered.bits);
    put_log_id(out, &recovered.from);
    put_len(out, recovered.survivors.len());
    recovered.survivors.iter().for_each(|name| put_bytes(out, name.as_bytes()));
    put_len(out, recovered.former.len());
    for (id, member) in &recovered.former {
        out.put_u64(*id);
        put_member(out, member);
    }
}

pub(crate) fn put_keys(out: &mut BytesMut, keys: &[RawKey]) {
    put_len(out, keys.len());
    keys.iter().for_each(|key| put_bytes(out, key.as_bytes()));
}

pub(crate) fn put_epoch(out: &mut BytesMut, epoch: Epoch) {
    out.put_u32(epoch.number);
    out.put_u64(epoch.bits);
}

pub(crate) fn put_records(out: &mut BytesMut, records: &[(RawKey, Bytes)]) {
    put_len(out, records.len());
    for (key, value) in records {
        put_bytes(out, key.as_bytes());
        put_bytes(out, value);
    }
}

fn put_checks(out: &mut BytesMut, checks: &[Check]) {
    put_len(out, checks.len());
    for check in checks {
        put_bytes(out, check.key.as_bytes());
        out.put_u8(u8::from(check.revision.is_some()));
        if let Some(revision) = check.revision {
            out.put_slice(&revision.to_bytes());
        }
    }
}

fn put_bulk(out: &mut BytesMut, bulk: &Bulk) {
    match bulk {
        Bulk::Begin(id) => {
            out.put_u8(kind::BEGIN_LOAD);
            out.put_slice(&id.0);
        }
        Bulk::Chunk(chunk) => {
            out.put_u8(kind::CHUNK);
            out.put_slice(&chunk.load.0);
            out.put_u32(chunk.number);
            put_records(out, &chunk.records);
        }
        Bulk::Switch(switch) => {
            out.put_u8(kind::SWITCH);
            out.put_slice(&switch.load.0);
            out.put_u32(switch.chunks);
            put_epoch(out, switch.epoch);
            out.put_u64(switch.n);
            out.put_slice(&switch.fingerprint);
            put_checks(out, &switch.checks);
            put_records(out, &switch.puts);
            put_keys(out, &switch.prefix_deletes);
            out.put_u8(match switch.landing {
                Landing::Raised => 0,
                Landing::Adopted => 1,
            });
        }
        Bulk::Merge(merge) => {
            out.put_u8(kind::MERGE);
            out.put_slice(&merge.load.0);
            out.put_u32(merge.chunks);
            out.put_slice(&merge.base.0.to_bytes());
            out.put_slice(&merge.base.1);
            out.put_slice(&merge.revision.to_bytes());
            out.put_slice(&merge.fingerprint);
        }
        Bulk::Step(id) => {
            out.put_u8(kind::STEP);
            out.put_slice(&id.0);
        }
        Bulk::End(id) => {
            out.put_u8(kind::END_LOAD);
            out.put_slice(&id.0);
        }
    }
}

fn put_batch(out: &mut BytesMut, batch: &Batch) {
    out.put_slice(&batch.id.to_bytes());
    out.put_u64(batch.now.0);
    put_checks(out, &batch.checks);
    put_records(out, &batch.puts);
    put_keys(out, &batch.deletes);
    put_keys(out, &batch.prefix_deletes);
    put_len(out, batch.counters.len());
    for change in &batch.counters {
        put_bytes(out, change.key.as_bytes());
        match change.op {
            CounterOp::Set(n) => {
                out.put_u8(0);
                out.put_i64(n);
            }
            CounterOp::Add { by, floor } => {
                out.put_u8(1);
                out.put_i64(by);
                out.put_i64(floor);
            }
        }
    }
    let (outcome, epoch) = (u8::from(batch.outcome.is_some()), u8::from(batch.epoch.is_some()));
    out.put_u8((outcome * tail::OUTCOME) | (epoch * tail::EPOCH));
    if let Some(outcome) = &batch.outcome {
        put_bytes(out, outcome);
    }
    if let Some(epoch) = batch.epoch {
        put_epoch(out, epoch);
    }
}

/// Bytes that are being decoded.
pub(crate) struct Input {
    bytes: Bytes,
    format: u8,
}

impl Input {
    pub(crate) fn new(bytes: Bytes) -> Result<Self, DecodeError> {
        #[cfg(feature = "faults")]
        let bytes = match crate::under_test::read(&bytes) {
            Cow::Owned(bytes) => bytes.into(),
            Cow::Borrowed(_) => bytes,
        };
        let mut input = Self { bytes, format: 0 };
        input.format = input.u8()?;
        match input.format {
            FORMAT | FORMAT_OF_MEMBERS => Ok(input),
            other => Err(DecodeError::Format(other)),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn finish(self) -> Result<(), DecodeError> {
        if self.bytes.is_empty() { Ok(()) } else { Err(DecodeError::Malformed("bytes after the end")) }
    }

    fn take(&mut self, len: usize) -> Result<Bytes, DecodeError> {
        if self.bytes.len() < len {
            return Err(DecodeError::Truncated);
        }
        Ok(self.bytes.split_to(len))
    }

    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(self.take(1)?.get_u8())
    }

    pub(crate) fn flag(&mut self) -> Result<bool, DecodeError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::Malformed("a flag that is neither 0 nor 1")),
        }
    }

    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(self.take(4)?.get_u32())
    }

    pub(crate) fn u64(&mut self) -> Result<u64, DecodeError> {
        Ok(self.take(8)?.get_u64())
    }

    pub(crate) fn i64(&mut self) -> Result<i64, DecodeError> {
        Ok(self.take(8)?.get_i64())
    }

    pub(crate) fn bytes(&mut self) -> Result<Bytes, DecodeError> {
        let len = self.u32()?;
        self.take(usize::try_from(len).map_err(|_| DecodeError::Truncated)?)
    }

    pub(crate) fn text(&mut self) -> Result<String, DecodeError> {
        String::from_utf8(self.bytes()?.into()).map_err(|_| DecodeError::Malformed("text that is not UTF-8"))
    }

    pub(crate) fn key(&mut self) -> Result<RawKey, DecodeError> {
        RawKey::parse(self.bytes()?.into()).map_err(|_| DecodeError::Malformed("a key that is no key"))
    }

    /// A list; room is made as its items come, not as its length claims.
    pub(crate) fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let mut items = Vec::new();
        for _ in 0..self.u32()? {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn leader_id(&mut self) -> Result<LeaderId, DecodeError> {
        Ok(LeaderId { term: self.u64()?, node_id: self.u64()? })
    }

    fn log_id(&mut self) -> Result<LogId, DecodeError> {
        Ok(LogId { leader_id: self.leader_id()?, index: self.u64()? })
    }

    fn optional_log_id(&mut self) -> Result<Option<LogId>, DecodeError> {
        if self.flag()? { Ok(Some(self.log_id()?)) } else { Ok(None) }
    }

    pub(crate) fn epoch(&mut self) -> Result<Epoch, DecodeError> {
        Ok(Epoch { number: self.u32()?, bits: self.u64()? })
    }

    fn stored_membership(&mut self) -> Result<StoredMembership, DecodeError> {
        Ok(StoredMembership::new(self.optional_log_id()?, self.membership()?))
    }

    fn membership(&mut self) -> Result<Membership, DecodeError> {
        let configs = self.list(|input| Ok(input.list(Self::u64)?.into_iter().collect::<BTreeSet<_>>()))?;
        let nodes = self.list(|input| Ok((input.u64()?, input.member()?)))?.into_iter().collect::<BTreeMap<_, _>>();
        if configs.is_empty() && nodes.is_empty() {
            return Ok(Membership::default());
        }
        Membership::new(configs, nodes).map_err(|_| DecodeError::Malformed("a membership that names unknown voters"))
    }

    pub(crate) fn member(&mut self) -> Result<Member, DecodeError> {
        let (name, address, api_address) = (self.text()?, self.text()?, self.text()?);
        let key = self.array()?;
        let non_voter = self.format >= FORMAT_OF_MEMBERS && self.flag()?;
        Ok(Member { name, address, api_address, key, non_voter })
    }

    fn recovered(&mut self) -> Result<Recovered, DecodeError> {
        Ok(Recovered {
            bits: self.u64()?,
            from: self.log_id()?,
            survivors: self.list(Self::text)?,
            former: self.list(|input| Ok((input.u64()?, input.member()?)))?,
        })
    }

    fn load(&mut self) -> Result<LoadId, DecodeError> {
        Ok(LoadId(self.array()?))
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let mut out = [0; N];
        self.take(N)?.copy_to_slice(&mut out);
        Ok(out)
    }

    fn checks(&mut self) -> Result<Vec<Check>, DecodeError> {
        self.list(|input| {
            let key = input.key()?;
            let revision = if input.flag()? { Some(input.revision()?) } else { None };
            Ok(Check { key, revision })
        })
    }

    pub(crate) fn records(&mut self) -> Result<Vec<(RawKey, Bytes)>, DecodeError> {
        self.list(|input| Ok((input.key()?, input.bytes()?)))
    }

    fn chunk(&mut self) -> Result<Chunk, DecodeError> {
        Ok(Chunk { load: self.load()?, number: self.u32()?, records: self.records()? })
    }

    fn switch(&mut self) -> Result<Switch, DecodeError> {
        Ok(Switch {
            load: self.load()?,
            chunks: self.u32()?,
            epoch: self.epoch()?,
            n: self.u64()?,
            fingerprint: self.array()?,
            checks: self.checks()?,
            puts: self.records()?,
            prefix_deletes: self.list(Self::key)?,
            landing: if self.flag()? { Landing::Adopted } else { Landing::Raised },
        })
    }

    fn merge(&mut self) -> Result<Merge, DecodeError> {
        let (load, chunks) = (self.load()?, self.u32()?);
        let base = (self.revision()?, self.array()?);
        Ok(Merge { load, chunks, base, revision: self.revision()?, fingerprint: self.array()? })
    }

    fn stand(&mut self) -> Result<Stand, DecodeError> {
        serde_json::from_slice(&self.bytes()?).map_err(|_| DecodeError::Malformed("a change of how the cluster stands"))
    }

    pub(crate) fn revision(&mut self) -> Result<Revision, DecodeError> {
        Revision::from_bytes(&self.take(Revision::LEN)?).ok_or(DecodeError::Truncated)
    }

    fn batch(&mut self) -> Result<Batch, DecodeError> {
        let id = RequestId::from_bytes(&self.take(RequestId::LEN)?).ok_or(DecodeError::Truncated)?;
        let now = Millis(self.u64()?);
        let checks = self.checks()?;
        let puts = self.records()?;
        let deletes = self.list(Self::key)?;
        let prefix_deletes = self.list(Self::key)?;
        let counters = self.list(|input| {
            let key = input.key()?;
            let op = match input.u8()? {
                0 => CounterOp::Set(input.i64()?),
                1 => CounterOp::Add { by: input.i64()?, floor: input.i64()? },
                _ => return Err(DecodeError::Malformed("a counter change of an unknown kind")),
            };
            Ok(CounterChange { key, op })
        })?;
        let follows = self.u8()?;
        if follows & !(tail::OUTCOME | tail::EPOCH) != 0 {
            return Err(DecodeError::Malformed("a batch that ends in something unknown"));
        }
        let outcome = if follows & tail::OUTCOME != 0 { Some(self.bytes()?) } else { None };
        let epoch = if follows & tail::EPOCH != 0 { Some(self.epoch()?) } else { None };
        Ok(Batch { id, now, epoch, checks, puts, deletes, prefix_deletes, counters, outcome })
    }
}

#[cfg(test)]
mod tests {
    use storage::Class;

    use super::*;
    use crate::dr::{DrRole, Fact};

    fn key(name: &'static str) -> RawKey {
        RawKey::root(Class::Replicated).plain(name)
    }

    fn membership(non_voter: bool) -> Membership {
        let (name, address, api_address) = ("n1".into(), "h:1".into(), "https://h".into());
        let member = Member { name, address, api_address, key: [1; 32], non_voter };
        let nodes = BTreeMap::from([(1, Member::default()), (2, Member::default()), (3, member)]);
        Membership::new(vec![BTreeSet::from([1]), BTreeSet::from([1, 2])], nodes).unwrap()
    }

    fn entries() -> Vec<Entry> {
        let log_id = LogId { leader_id: LeaderId { term: 7, node_id: 9 }, index: 42 };
        let mut batch = Batch::new(RequestId { applied: 3, random: [5; 16] }, Millis(1_700_000_000_000));
        batch.checks.push(Check { key: key("a"), revision: None });
        batch.checks.push(Check { key: key("b"), revision: Some(Revision::default().next()) });
        batch.puts.push((key("c"), Bytes::from_static(b"value")));
        batch.deletes.push(key("d"));
        batch.prefix_deletes.push(key("e"));
        batch.counters.push(CounterChange { key: key("f"), op: CounterOp::Set(-4) });
        batch.counters.push(CounterChange { key: key("g"), op: CounterOp::Add { by: -1, floor: 0 } });
        batch.outcome = Some(Bytes::from_static(b"answer"));
        batch.epoch = Some(Epoch { number: 4, bits: 88 });
        let load = LoadId([3; 16]);
        let records = vec![(key("h"), Bytes::from_static(b"record"))];
        let switch = Switch {
            load,
            chunks: 7,
            epoch: Epoch { number: 9, bits: 1 },
            n: 6,
            fingerprint: [2; 32],
            checks: vec![Check { key: key("j"), revision: None }],
            puts: records.clone(),
            prefix_deletes: vec![key("i")],
            landing: Landing::Adopted,
        };
        let base = (Revision::default(), [9; 32]);
        let merge = Merge { load, chunks: 2, base, revision: Revision::default().next(), fingerprint: [8; 32] };
        let stand = Stand { seen: 4, role: DrRole::Primary { secondaries: Vec::new() }, reign: 6, epoch: Some(5) };
        let step = Fed { revision: merge.revision, fingerprint: [1; 32], now: Millis(4), fact: Fact::Epoch };
        let former = vec![(4, Member { name: "n4".into(), non_voter: true, ..Member::default() })];
        let recovered = Recovered { bits: 3, from: log_id, survivors: vec!["n1".into()], former };
        let membership = membership(true);
        [
            EntryPayload::Blank,
            EntryPayload::Membership(membership),
            EntryPayload::Normal(Command::batch(batch)),
            EntryPayload::Normal(Command::Epoch(Epoch { number: 2, bits: 77 })),
            EntryPayload::Normal(Command::Bulk(Bulk::Begin(load))),
            EntryPayload::Normal(Command::Bulk(Bulk::Chunk(Arc::new(Chunk { load, number: 5, records })))),
            EntryPayload::Normal(Command::Bulk(Bulk::Switch(Arc::new(switch)))),
            EntryPayload::Normal(Command::Bulk(Bulk::End(load))),
            EntryPayload::Normal(Command::Recovered(Arc::new(recovered))),
            EntryPayload::Normal(Command::Format(2)),
            EntryPayload::Normal(Command::Bulk(Bulk::Merge(Arc::new(merge)))),
            EntryPayload::Normal(Command::Bulk(Bulk::Step(load))),
            EntryPayload::Normal(Command::Stand(Arc::new(stand))),
            EntryPayload::Normal(Command::Follow([step].into())),
            EntryPayload::Normal(Command::Trim(Revision::default().next())),
        ]
        .into_iter()
        .map(|payload| Entry { log_id, payload })
        .collect()
    }

    #[test]
    fn entries_come_back_as_they_were() {
        for entry in entries() {
            assert_eq!(decode_entry(encode_entry(&entry, Form::First)).unwrap(), entry);
        }
    }

    #[test]
    fn every_cut_and_every_flipped_byte_is_an_error_or_another_entry_but_no_panic() {
        for entry in entries() {
            let bytes = encode_entry(&entry, Form::First);
            for len in 0..bytes.len() {
                assert!(decode_entry(bytes.slice(..len)).is_err(), "cut at {len}");
            }
            for at in 0..bytes.len() {
                let mut bad = bytes.to_vec();
                bad[at] ^= 0xff;
                if let Ok(other) = decode_entry(bad.into()) {
                    assert_ne!(other, entry, "byte {at} says nothing");
                }
            }
        }
    }

    #[test]
    fn a_format_of_the_future_is_refused_by_name() {
        let mut bytes = encode_entry(&entries()[0], Form::First).to_vec();
        bytes[0] = 3;
        assert!(matches!(decode_entry(bytes.into()), Err(DecodeError::Format(3))));
    }

    /// As it was written before members could say whether they are to stay without a vote.
    #[test]
    fn a_membership_of_the_first_format_still_reads() {
        let expected = StoredMembership::new(None, membership(false));
        let mut old = BytesMut::new();
        old.put_u8(FORMAT);
        put_optional_log_id(&mut old, None);
        put_len(&mut old, 2);
        for config in expected.membership().get_joint_config() {
            put_len(&mut old, config.len());
            config.iter().for_each(|id| old.put_u64(*id));
        }
        put_len(&mut old, 3);
        for (id, member) in expected.membership().nodes() {
            old.put_u64(*id);
            put_bytes(&mut old, member.name.as_bytes());
            put_bytes(&mut old, member.address.as_bytes());
            put_bytes(&mut old, member.api_address.as_bytes());
            old.put_slice(&member.key);
        }
        assert_eq!(decode_membership(old.freeze()).unwrap(), expected);
    }

    #[test]
    fn votes_and_snapshot_metas_come_back_as_they_were() {
        let vote = Vote { leader_id: LeaderId { term: 3, node_id: 4 }, committed: true };
        assert_eq!(decode_vote(encode_vote(&vote)).unwrap(), vote);
        let meta = SnapshotMeta::default();
        assert_eq!(decode_snapshot_meta(encode_snapshot_meta(&meta, Form::First)).unwrap(), meta);
    }
}
