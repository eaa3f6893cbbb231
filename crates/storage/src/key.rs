//! Keys: a class byte, then length-prefixed segments that are *plain* or *sealed*.
//!
//! [`Path`] is a key as a handler knows it, names in the clear. [`RawKey`] is the same key as the store holds it, names
//! encrypted by the [`Sealer`](crate::Sealer). A folder's encoding is a byte prefix of everything inside it.
//!
//! Encoding: class byte; per segment one kind byte, a u16 big-endian length, the bytes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest name or plain segment, in bytes. Sealing adds 16, so the u16 length always suffices.
pub const NAME_MAX: usize = 32 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Class {
    /// Goes into backups and to a DR secondary.
    Replicated = b'R',
    /// Membership, seal wraps, cursors: of this cluster alone.
    Local = b'L',
}

impl Class {
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            b'R' => Some(Self::Replicated),
            b'L' => Some(Self::Local),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SegKind {
    Plain = 1,
    Sealed = 2,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    #[error("a name in the path has {0} bytes; at most {NAME_MAX} are allowed")]
    NameTooLong(usize),
    #[error("a stored key is not well formed")]
    Malformed,
}

/// A key as the store holds it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RawKey(Vec<u8>);

impl RawKey {
    pub fn root(class: Class) -> Self {
        Self(vec![class as u8])
    }

    /// Takes bytes from a log entry or a disk, which need not be a key at all.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, KeyError> {
        let key = Self(bytes);
        key.0.first().and_then(|b| Class::from_byte(*b)).ok_or(KeyError::Malformed)?;
        for seg in key.segments() {
            seg?;
        }
        Ok(key)
    }

    /// Appends a segment whose bytes are final (plain, or already sealed).
    pub fn push(&mut self, kind: SegKind, bytes: &[u8]) -> Result<(), KeyError> {
        let len = u16::try_from(bytes.len()).map_err(|_| KeyError::NameTooLong(bytes.len()))?;
        self.0.push(kind as u8);
        self.0.extend_from_slice(&len.to_be_bytes());
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    /// A plain segment that is known to be short.
    #[must_use]
    pub fn plain(mut self, seg: &'static str) -> Self {
        self.push(SegKind::Plain, seg.as_bytes()).expect("a literal segment is shorter than 64 KiB");
        self
    }

    pub fn class(&self) -> Class {
        Class::from_byte(self.0[0]).expect("a RawKey starts with its class: root() and parse() see to it")
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub fn segments(&self) -> Segments<'_> {
        Segments { rest: &self.0[1..] }
    }
}

impl fmt::Debug for RawKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in &self.0 {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// The segments of an encoded key, or of the part of one that follows a folder's prefix.
pub struct Segments<'a> {
    rest: &'a [u8],
}

impl<'a> Segments<'a> {
    pub fn of(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

/// The first segment of a replicated key, or of what begins one, if it is plain.
pub fn first_plain_segment(key: &[u8]) -> Option<&[u8]> {
    let (class, rest) = key.split_first()?;
    if Class::from_byte(*class) != Some(Class::Replicated) {
        return None;
    }
    match Segments::of(rest).next()?.ok()? {
        (SegKind::Plain, bytes) => Some(bytes),
        (SegKind::Sealed, _) => None,
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Result<(SegKind, &'a [u8]), KeyError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let whole = self.rest;
        self.rest = &[];
        let kind = match whole[0] {
            1 => SegKind::Plain,
            2 => SegKind::Sealed,
            _ => return Some(Err(KeyError::Malformed)),
        };
        let Some(len) = whole.get(1..3).map(|l| usize::from(u16::from_be_bytes([l[0], l[1]]))) else {
            return Some(Err(KeyError::Malformed));
        };
        let Some(bytes) = whole.get(3..3 + len) else { return Some(Err(KeyError::Malformed)) };
        self.rest = &whole[3 + len..];
        Some(Ok((kind, bytes)))
    }
}

/// One segment of a [`Path`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Seg {
    /// Stored as it is: ids, record kinds, times of an index.
    Plain(Vec<u8>),
    /// Stored encrypted: a secret's name, a user, a role.
    Name(Vec<u8>),
}

/// The segments of a key below some folder: what a handler names its records by.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PathKey(Vec<Seg>);

impl PathKey {
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts at a record kind: `PathKey::kind("meta")`.
    pub fn kind(kind: &str) -> Self {
        Self::new().plain(kind)
    }

    #[must_use]
    pub fn plain(mut self, seg: impl AsRef<[u8]>) -> Self {
        self.0.push(Seg::Plain(seg.as_ref().to_vec()));
        self
    }

    /// A number in an order that the store keeps: times of an index, versions.
    #[must_use]
    pub fn number(self, n: u64) -> Self {
        self.plain(n.to_be_bytes())
    }

    #[must_use]
    pub fn name(mut self, seg: impl AsRef<[u8]>) -> Self {
        self.0.push(Seg::Name(seg.as_ref().to_vec()));
        self
    }

    /// One name per part of a slash-separated path, so that its folders are folders here too.
    #[must_use]
    pub fn names(mut self, path: &str) -> Self {
        self.0.extend(path.split('/').filter(|p| !p.is_empty()).map(|p| Seg::Name(p.as_bytes().to_vec())));
        self
    }

    pub fn segs(&self) -> &[Seg] {
        &self.0
    }
}

/// A whole key, names in the clear.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path {
    class: Class,
    segs: Vec<Seg>,
}

impl Path {
    pub fn root(class: Class) -> Self {
        Self { class, segs: Vec::new() }
    }

    /// The path of `key` inside this folder.
    #[must_use]
    pub fn join(&self, key: &PathKey) -> Self {
        let mut segs = Vec::with_capacity(self.segs.len() + key.0.len());
        segs.extend_from_slice(&self.segs);
        segs.extend_from_slice(&key.0);
        Self { class: self.class, segs }
    }

    #[must_use]
    pub fn child(&self, seg: Seg) -> Self {
        let mut child = self.clone();
        child.segs.push(seg);
        child
    }

    pub fn class(&self) -> Class {
        self.class
    }

    pub fn segs(&self) -> &[Seg] {
        &self.segs
    }

    /// Whether `self` is `folder` or lies inside it.
    pub fn is_within(&self, folder: &Path) -> bool {
        self.class == folder.class && self.segs.starts_with(&folder.segs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_a_prefix_of_what_it_holds() {
        let mut folder = RawKey::root(Class::Replicated).plain("a");
        let deeper = { folder.clone().plain("b") };
        assert!(deeper.as_bytes().starts_with(folder.as_bytes()));
        folder.push(SegKind::Sealed, b"x").unwrap();
        let kinds: Vec<_> = folder.segments().map(|s| s.unwrap().0).collect();
        assert_eq!(kinds, [SegKind::Plain, SegKind::Sealed]);
    }

    #[test]
    fn bytes_that_are_no_key_are_refused() {
        for bad in [&b""[..], b"X", b"R\x01\x00", b"R\x01\x00\x05ab", b"R\x07\x00\x00"] {
            assert_eq!(RawKey::parse(bad.to_vec()), Err(KeyError::Malformed), "{bad:?}");
        }
    }
}
