//! Where the state stands: everything about it that has a fixed size, in one record.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use storage::{Class, Epoch, Millis, RawKey, Revision};

use crate::consensus::{LeaderId, LogId};
use crate::format::Form;
use crate::log::encoding::DecodeError;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The newest entry that is applied.
    pub applied: Option<LogId>,
    /// The revision of the replicated keys.
    pub revision: Revision,
    /// The counter that stands for a revision in cluster-local values.
    pub local: u64,
    /// The latest clock that any batch carried.
    pub time: Millis,
    /// Runs along with the revision: equal revision, equal fingerprint, on every node.
    pub fingerprint: [u8; 32],
    /// Which generation of the replicated keys is current.
    pub generation: u32,
    /// The index of the newest entry that has left the outcome window; 0 if none has.
    pub evicted: u64,
}

impl Position {
    /// The index up to which the state has applied; 0 before the first entry.
    pub fn index(&self) -> u64 {
        self.applied.map_or(0, |id| id.index)
    }

    /// Of a record that the step to here has written.
    pub(super) fn revision_of(&self, key: &RawKey) -> Revision {
        match key.class() {
            Class::Replicated => self.revision,
            Class::Local => Revision { epoch: Epoch::default(), n: self.local },
        }
    }

    pub(super) fn encode(&self, form: Form) -> Bytes {
        let mut out = BytesMut::with_capacity(LEN);
        out.put_u8(FORMAT);
        out.put_u8(u8::from(self.applied.is_some()));
        let applied = self.applied.unwrap_or(LogId { leader_id: LeaderId { term: 0, node_id: 0 }, index: 0 });
        out.put_u64(applied.leader_id.term);
        out.put_u64(applied.leader_id.node_id);
        out.put_u64(applied.index);
        out.put_slice(&self.revision.to_bytes());
        out.put_u64(self.local);
        out.put_u64(self.time.0);
        out.put_slice(&self.fingerprint);
        out.put_u32(self.generation);
        out.put_u64(self.evicted);
        match form {
            Form::First => out.freeze(),
            #[cfg(feature = "faults")]
            Form::Next => crate::under_test::write(&out).into(),
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        #[cfg(feature = "faults")]
        let bytes = &*crate::under_test::read(bytes);
        let mut input = bytes;
        match input.first() {
            Some(&FORMAT) if input.len() == LEN => input.advance(1),
            Some(&FORMAT) | None => return Err(DecodeError::Truncated),
            Some(&other) => return Err(DecodeError::Format(other)),
        }
        let some = input.get_u8() == 1;
        let leader_id = LeaderId { term: input.get_u64(), node_id: input.get_u64() };
        let applied = LogId { leader_id, index: input.get_u64() };
        let revision = Revision::from_bytes(input).ok_or(DecodeError::Truncated)?;
        input.advance(Revision::LEN);
        let (local, time) = (input.get_u64(), Millis(input.get_u64()));
        let mut fingerprint = [0; 32];
        input.copy_to_slice(&mut fingerprint);
        let (generation, evicted) = (input.get_u32(), input.get_u64());
        Ok(Self { applied: some.then_some(applied), revision, local, time, fingerprint, generation, evicted })
    }
}

const FORMAT: u8 = 1;
const LEN: usize = 2 + 24 + Revision::LEN + 8 + 8 + 32 + 4 + 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_comes_back_as_it_was() {
        let applied = Some(LogId { leader_id: LeaderId { term: 1, node_id: 2 }, index: 3 });
        let revision = Revision::default().next();
        let (time, fingerprint) = (Millis(5), [6; 32]);
        let position = Position { applied, revision, local: 4, time, fingerprint, generation: 7, evicted: 8 };
        assert_eq!(Position::decode(&position.encode(Form::First)).unwrap(), position);
        assert_eq!(Position::decode(&Position::default().encode(Form::First)).unwrap(), Position::default());
        assert!(Position::decode(&position.encode(Form::First)[1..]).is_err());
    }
}
