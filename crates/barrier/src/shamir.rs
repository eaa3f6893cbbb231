//! Shares of the unseal key over GF(2⁸), in the form that Vault's operators know.
//!
//! One share of one: the 32 bytes of the key. Several: 32 bytes of the polynomials' values, then the coordinate (not
//! zero). The field is that of AES, as in Vault. The arithmetic is `vsss-rs`: without tables, so without a timing that
//! depends on the key. Shares carry no check of their own: wrong ones combine to a wrong key, which then opens nothing.

use crypto::Key32;
use vsss_rs::{Gf256, IdentifierGf256};
use zeroize::Zeroizing;

use crate::{SealConfig, UnsealKey};

/// One operator's part.
pub struct Share(Zeroizing<Vec<u8>>);

impl Share {
    /// Copies `bytes`, which stay the caller's to wipe. Whether they fit is said when shares are combined.
    pub fn from_slice(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// The bytes themselves, for handing out at initialisation.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Checks a share on its own as it comes in, so that the operator who mistyped learns it and not the last one.
    pub fn check(&self, config: &SealConfig) -> Result<(), CombineError> {
        let needed = match config.shares() {
            0 => return Err(CombineError::NoShares),
            1 => KEY_LEN,
            _ => SHARE_LEN,
        };
        if self.0.len() != needed {
            return Err(CombineError::WrongLength { len: self.0.len(), needed });
        }
        if config.shares() > 1 && self.0[KEY_LEN] == 0 {
            return Err(CombineError::NoCoordinate);
        }
        Ok(())
    }

    /// Whether both are the same share, or two shares of one coordinate, of which only one can be genuine.
    pub fn collides_with(&self, other: &Share) -> bool {
        match (self.0.get(KEY_LEN), other.0.get(KEY_LEN)) {
            (Some(a), Some(b)) => a == b,
            _ => crypto::ct_eq(&self.0, &other.0),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CombineError {
    #[error("{needed} key shares are needed, {have} were given")]
    TooFew { have: usize, needed: usize },
    #[error("a key share must have {needed} bytes, one has {len}")]
    WrongLength { len: usize, needed: usize },
    #[error("a key share ends in a zero byte, which no genuine one does")]
    NoCoordinate,
    #[error("a key share was given twice")]
    Duplicate,
    #[error(
        "there are no key shares: this cluster unseals by itself and was initialised without recovery keys. Put the \
         block of its seal into this node's configuration, without `disabled`"
    )]
    NoShares,
}

/// Splits the key as `config` says.
pub fn split(key: &UnsealKey, config: &SealConfig) -> Vec<Share> {
    if config.shares() == 0 {
        return Vec::new();
    }
    if config.shares() == 1 {
        return vec![Share::from_slice(key.expose())];
    }
    let (threshold, shares) = (usize::from(config.threshold()), usize::from(config.shares()));
    let ids = (1..=config.shares()).map(|x| IdentifierGf256(Gf256(x)));
    let made = Gf256::split_bytes_with_participant_ids_iter(threshold, shares, key.expose(), crypto::rng(), ids)
        // SealConfig::shamir refuses everything that the library would: a threshold outside 2..=shares, no shares.
        .expect("invariant: a seal configuration is one that can be split by");
    made.into_iter().map(|share| Share(Zeroizing::new(coordinate_last(share)))).collect()
}

/// The key that the shares make, right or not.
pub fn combine(shares: &[Share], config: &SealConfig) -> Result<UnsealKey, CombineError> {
    if config.shares() == 0 {
        return Err(CombineError::NoShares);
    }
    let needed = usize::from(config.threshold());
    if shares.len() < needed {
        return Err(CombineError::TooFew { have: shares.len(), needed });
    }
    for (at, share) in shares.iter().enumerate() {
        share.check(config)?;
        if shares[..at].iter().any(|other| other.collides_with(share)) {
            return Err(CombineError::Duplicate);
        }
    }
    let key = if config.shares() == 1 {
        shares[0].0.clone()
    } else {
        let shares = Zeroizing::new(shares.iter().map(|s| coordinate_first(&s.0)).collect::<Vec<_>>());
        // Lengths and coordinates have been checked above, and there are at least two.
        Zeroizing::new(Gf256::combine_bytes(shares.as_slice()).expect("invariant: the shares fit each other"))
    };
    // Shares have 32 bytes besides the coordinate.
    Ok(UnsealKey::from_key(Key32::from_slice(&key).expect("invariant: shares of 32 bytes combine to 32 bytes")))
}

fn coordinate_last(mut share: Vec<u8>) -> Vec<u8> {
    share.rotate_left(1);
    share
}

fn coordinate_first(share: &[u8]) -> Vec<u8> {
    let mut share = share.to_vec();
    share.rotate_right(1);
    share
}

const KEY_LEN: usize = 32;
const SHARE_LEN: usize = KEY_LEN + 1;

#[cfg(test)]
mod tests;
