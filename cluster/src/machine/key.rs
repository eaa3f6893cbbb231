//! Where a key lies in the database: a generation stands behind the class byte of replicated keys.
//!
//! Bulk data enters under a new generation and becomes current by one number, so nothing outside this module may know of
//! it: not checks, not fingerprints, not readers.

use storage::Class;

/// The database key of an encoded key or prefix of one.
pub(super) fn physical(generation: u32, logical: &[u8]) -> Vec<u8> {
    match logical.split_first() {
        Some((class, rest)) if *class == Class::Replicated as u8 => {
            let mut key = Vec::with_capacity(logical.len() + GENERATION_LEN);
            key.push(*class);
            key.extend_from_slice(&generation.to_be_bytes());
            key.extend_from_slice(rest);
            key
        }
        _ => logical.to_vec(),
    }
}

/// The encoded key of a database key; none if it is not one.
pub(super) fn logical(physical: &[u8]) -> Option<Vec<u8>> {
    let (class, rest) = physical.split_first()?;
    if *class != Class::Replicated as u8 {
        return Some(physical.to_vec());
    }
    let rest = rest.get(GENERATION_LEN..)?;
    let mut key = Vec::with_capacity(rest.len() + 1);
    key.push(*class);
    key.extend_from_slice(rest);
    Some(key)
}

/// The first key behind everything that begins with `prefix`; none if nothing can follow.
pub(super) fn end_of(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

const GENERATION_LEN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_replicated_keys_carry_a_generation() {
        assert_eq!(physical(7, b"Rabc"), b"R\0\0\0\x07abc");
        assert_eq!(logical(b"R\0\0\0\x07abc").unwrap(), b"Rabc");
        assert_eq!(physical(7, b"Labc"), b"Labc");
        assert_eq!(logical(b"Labc").unwrap(), b"Labc");
        assert_eq!(logical(b"R\0\0"), None);
    }

    #[test]
    fn an_end_is_behind_the_prefix_and_all_within() {
        assert_eq!(end_of(b"ab").unwrap(), b"ac");
        assert_eq!(end_of(b"a\xff\xff").unwrap(), b"b");
        assert_eq!(end_of(b"\xff"), None);
    }
}
