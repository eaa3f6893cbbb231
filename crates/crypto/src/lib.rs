#![doc = include_str!("../README.md")]

mod aead;
mod agreement;
mod cipher;
mod coredump;
mod digest;
mod error;
mod hash;
mod hkdf;
mod hmac;
mod key;
mod key_wrap;
mod locked;
mod one_time;
mod pair;
mod random;
mod siv;
mod wiped;

pub use aead::Aead;
pub use agreement::Agreement;
pub use cipher::{Cipher, CipherKind};
pub use coredump::disable_core_dumps;
pub use digest::{Sha256, sha256};
pub use error::{InvalidKey, KeyLengthError, OpenError, OutputTooLong, PageLockRefused, Unfit};
pub use hash::Hash;
pub use hkdf::{derive_key, hkdf_sha256};
pub use hmac::{Hmac, hmac_sha256};
pub use key::{Key32, SecretBytes, ct_eq};
pub use key_wrap::{unwrap_key, wrap_key};
pub use locked::{Locked, LockedKey};
pub use one_time::{CodeHash, one_time_code};
pub use pair::{KeyKind, Numbers, PrivateKey, PublicKey, Salt, Scheme, der_of, fixed_of};
pub use random::{fill_random, random, rng};
pub use siv::Siv;
