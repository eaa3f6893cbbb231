//! How a value lies in the database: a format byte, its kind, the revision that wrote it, the payload.

use bytes::Bytes;
use storage::apply::Brief;
use storage::{Revision, StoreError, Stored, Value};

use crate::format::Form;

pub(crate) fn encode(revision: Revision, value: &Value, form: Form) -> Vec<u8> {
    let payload_len = if let Value::Bytes(bytes) = value { bytes.len() } else { 8 };
    let mut out = Vec::with_capacity(HEADER_LEN + payload_len);
    out.push(FORMAT);
    out.push(if matches!(value, Value::Bytes(_)) { KIND_BYTES } else { KIND_COUNTER });
    out.extend_from_slice(&revision.to_bytes());
    match value {
        Value::Bytes(bytes) => out.extend_from_slice(bytes),
        Value::Counter(n) => out.extend_from_slice(&n.to_be_bytes()),
    }
    match form {
        Form::First => out,
        #[cfg(feature = "faults")]
        Form::Next => crate::under_test::write(&out),
    }
}

pub(super) fn decode(record: &[u8]) -> Result<Stored, StoreError> {
    #[cfg(feature = "faults")]
    let record = &*crate::under_test::read(record);
    let (revision, payload) = parts(record)?;
    let value = match payload {
        Payload::Bytes(bytes) => Value::Bytes(Bytes::copy_from_slice(bytes)),
        Payload::Counter(n) => Value::Counter(n),
    };
    Ok(Stored { revision, value })
}

/// Without what a value of bytes says.
pub(super) fn brief(record: &[u8]) -> Result<Brief, StoreError> {
    #[cfg(feature = "faults")]
    let record = &*crate::under_test::read(record);
    let (revision, payload) = parts(record)?;
    let counter = if let Payload::Counter(n) = payload { Some(n) } else { None };
    Ok(Brief { revision, counter })
}

enum Payload<'a> {
    Bytes(&'a [u8]),
    Counter(i64),
}

fn parts(record: &[u8]) -> Result<(Revision, Payload<'_>), StoreError> {
    let damaged = || StoreError::Corrupt("a value of the state is malformed".to_owned());
    let (header, payload) = record.split_at_checked(HEADER_LEN).ok_or_else(damaged)?;
    if header[0] != FORMAT {
        return Err(StoreError::Corrupt(format!(
            "a value is of format {}, which this version does not know",
            header[0]
        )));
    }
    let revision = Revision::from_bytes(&header[2..]).ok_or_else(damaged)?;
    let payload = match header[1] {
        KIND_BYTES => Payload::Bytes(payload),
        KIND_COUNTER => Payload::Counter(i64::from_be_bytes(payload.try_into().map_err(|_| damaged())?)),
        _ => return Err(damaged()),
    };
    Ok((revision, payload))
}

const FORMAT: u8 = 1;
const KIND_BYTES: u8 = 0;
const KIND_COUNTER: u8 = 1;
const HEADER_LEN: usize = 2 + Revision::LEN;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_and_damage_is_named() {
        let revision = Revision::default().next();
        for value in [Value::Bytes(Bytes::from_static(b"")), Value::Bytes(Bytes::from_static(b"x")), Value::Counter(-3)]
        {
            let record = encode(revision, &value, Form::First);
            assert_eq!(brief(&record).unwrap(), Brief::new(revision, &value));
            assert_eq!(decode(&record).unwrap(), Stored { revision, value });
        }
        for bad in [&b""[..], b"\x01\x00", &[2; 30], &[1; 25]] {
            assert!(matches!(decode(bad), Err(StoreError::Corrupt(_))));
            assert!(matches!(brief(bad), Err(StoreError::Corrupt(_))));
        }
    }
}
