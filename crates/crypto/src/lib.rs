#![doc = include_str!("../README.md")]

mod aead;
mod agreement;
mod coredump;
mod digest;
mod error;
mod handle;
mod hash;
mod hkdf;
mod hmac;
mod key;
mod locked;
mod one_time;
mod random;
mod siv;
mod wiped;

pub use aead::Aead;
pub use agreement::Agreement;
pub use coredump::disable_core_dumps;
pub use digest::{Sha256, sha256};
pub use error::{KeyLengthError, OpenError, OutputTooLong, PageLockRefused};
pub use hash::Hash;
pub use hkdf::{derive_key, hkdf_sha256};
pub use hmac::{Hmac, hmac_sha256};
pub use key::{Key32, SecretBytes, ct_eq};
pub use locked::{Locked, LockedKey};
pub use one_time::{CodeHash, one_time_code};
pub use random::{fill_random, random, rng};
pub use siv::Siv;
