//! How a record lies in a backup.

use bytes::Bytes;
use storage::{Class, RawKey, Revision, Stored, Value};

use super::BackupError;

pub(super) fn write(out: &mut Vec<u8>, key: &[u8], stored: &Stored) {
    sized(out, key);
    match &stored.value {
        Value::Bytes(bytes) => {
            out.push(BYTES);
            out.extend_from_slice(&stored.revision.to_bytes());
            sized(out, bytes);
        }
        Value::Counter(n) => {
            out.push(COUNTER);
            out.extend_from_slice(&stored.revision.to_bytes());
            sized(out, &n.to_be_bytes());
        }
    }
}

/// The records of one file. Its length is bounded by whoever has read it.
pub(super) fn read_all(mut bytes: Bytes) -> Result<Vec<(RawKey, Stored)>, BackupError> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        records.push(read(&mut bytes).ok_or_else(|| BackupError::Damaged("a record is malformed".into()))?);
    }
    Ok(records)
}

fn read(bytes: &mut Bytes) -> Option<(RawKey, Stored)> {
    let key = RawKey::parse(take_sized(bytes)?.into()).ok().filter(|key| key.class() == Class::Replicated)?;
    let kind = take(bytes, 1)?[0];
    let revision = Revision::from_bytes(&take(bytes, Revision::LEN)?)?;
    let value = take_sized(bytes)?;
    let value = match kind {
        BYTES => Value::Bytes(value),
        COUNTER => Value::Counter(i64::from_be_bytes(value[..].try_into().ok()?)),
        _ => return None,
    };
    Some((key, Stored { revision, value }))
}

fn sized(out: &mut Vec<u8>, bytes: &[u8]) {
    // A log entry brought them, and no entry is that large.
    let len = u32::try_from(bytes.len()).expect("invariant: no record has 4 GiB");
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(bytes);
}

fn take(bytes: &mut Bytes, len: usize) -> Option<Bytes> {
    (bytes.len() >= len).then(|| bytes.split_to(len))
}

fn take_sized(bytes: &mut Bytes) -> Option<Bytes> {
    let len = u32::from_be_bytes(take(bytes, 4)?[..].try_into().ok()?);
    take(bytes, usize::try_from(len).ok()?)
}

const BYTES: u8 = 0;
const COUNTER: u8 = 1;
