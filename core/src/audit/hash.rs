//! What stands in an entry instead of a secret: `hmac-sha256:` and an HMAC under the cluster's audit key.
//!
//! One key for all devices, so that an entry is built once however many there are, and so that values can be compared
//! across their logs. `sys/audit-hash` answers with the same.

use std::cell::Cell;
use std::sync::OnceLock;

use barrier::Barrier;
use storage::SealError;

const PREFIX: &[u8; 12] = b"hmac-sha256:";
const LEN: usize = PREFIX.len() + 64;

/// A value's stand-in; ASCII.
#[derive(Clone, Copy)]
pub struct Hashed([u8; LEN]);

impl Hashed {
    pub fn of(barrier: &Barrier, value: &[u8]) -> Result<Self, SealError> {
        let mac = barrier.audit_hmac(value)?;
        let mut text = [0; LEN];
        text[..PREFIX.len()].copy_from_slice(PREFIX);
        hex::encode_to_slice(mac, &mut text[PREFIX.len()..])
            .expect("invariant: 64 digits are two for each of 32 bytes");
        Ok(Self(text))
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("invariant: it is made of ASCII letters and digits")
    }
}

/// Of the values that both entries of a request have, computed once.
#[derive(Default)]
pub struct Shared {
    pub token: OnceLock<Hashed>,
    pub accessor: OnceLock<Hashed>,
}

pub struct Hasher<'a> {
    barrier: &'a Barrier,
    sealed: Cell<bool>,
}

impl<'a> Hasher<'a> {
    pub fn new(barrier: &'a Barrier) -> Self {
        Self { barrier, sealed: Cell::new(false) }
    }

    /// Whether the barrier was sealed meanwhile: what was hashed since is nothing.
    pub fn sealed(&self) -> bool {
        self.sealed.get()
    }

    pub fn append(&self, out: &mut Vec<u8>, value: &[u8]) {
        match Hashed::of(self.barrier, value) {
            Ok(hashed) => out.extend_from_slice(hashed.as_bytes()),
            Err(_) => self.sealed.set(true),
        }
    }

    pub fn append_shared(&self, out: &mut Vec<u8>, kept: &OnceLock<Hashed>, value: &[u8]) {
        if let Some(hashed) = kept.get() {
            out.extend_from_slice(hashed.as_bytes());
            return;
        }
        match Hashed::of(self.barrier, value) {
            Ok(hashed) => out.extend_from_slice(kept.get_or_init(|| hashed).as_bytes()),
            Err(_) => self.sealed.set(true),
        }
    }
}
