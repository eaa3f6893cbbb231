//! What can go wrong with the primitives. None of it says more than an attacker may learn.

/// The ciphertext is not one that this key made for this associated data. Why, nobody can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ciphertext does not open: wrong key, wrong place, or damaged")]
pub struct OpenError;

/// Bytes were offered as a key that are not 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key must have 32 bytes, not {0}")]
pub struct KeyLengthError(pub usize);

/// More bytes were asked of HKDF than it can derive from one secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("HKDF-SHA256 can derive at most 8160 bytes, not {0}")]
pub struct OutputTooLong(pub usize);

/// The kernel would not pin the page to memory (`ulimit -l`, a container's limits).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the kernel refuses to lock key memory (errno {errno}): raise the limit on locked memory")]
pub struct PageLockRefused {
    pub errno: i32,
}

/// The bytes are no key of the kind that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are not a key of this kind")]
pub struct InvalidKey;

/// The key cannot do this with what it was given: too long, not a digest of the named hash, another curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key cannot do this with what it was given")]
pub struct Unfit;
