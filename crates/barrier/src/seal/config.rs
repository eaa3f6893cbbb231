//! The numbers of a seal: its kind, how many shares there are, how many it takes.

use serde::{Deserialize, Serialize};

use super::SealKind;

/// How the root key is guarded, and how many operator's shares there are. Nothing in it is secret.
///
/// With the kind `shamir` the shares unseal. With any other the seal unseals by itself and the shares are recovery keys,
/// of which there may be none. Whatever exists with shares can be split by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawSealConfig")]
pub struct SealConfig {
    kind: SealKind,
    shares: u8,
    threshold: u8,
    nonce: String,
}

/// As stored, before anybody has looked at the numbers.
#[derive(Deserialize)]
struct RawSealConfig {
    kind: SealKind,
    shares: i64,
    threshold: i64,
    nonce: String,
}

impl TryFrom<RawSealConfig> for SealConfig {
    type Error = SealConfigError;

    fn try_from(raw: RawSealConfig) -> Result<Self, SealConfigError> {
        match raw.kind {
            SealKind::Shamir => Self::shamir(raw.shares, raw.threshold, raw.nonce),
            kind => Self::automatic(kind, raw.shares, raw.threshold, raw.nonce),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealConfigError {
    #[error("shares must be at least one")]
    NoShares,
    #[error("shares must be less than 256")]
    TooManyShares,
    #[error("without shares there is no threshold: it must be 0 too")]
    ThresholdOfNone,
    #[error("threshold must be at least one")]
    NoThreshold,
    #[error("threshold cannot be larger than shares")]
    ThresholdAboveShares,
    #[error("threshold must be greater than one for multiple shares")]
    ThresholdOfOne,
}

impl SealConfig {
    /// From the numbers of a request, which may be anything.
    pub fn shamir(shares: i64, threshold: i64, nonce: String) -> Result<Self, SealConfigError> {
        if shares < 1 {
            return Err(SealConfigError::NoShares);
        }
        let shares = u8::try_from(shares).map_err(|_| SealConfigError::TooManyShares)?;
        if threshold < 1 {
            return Err(SealConfigError::NoThreshold);
        }
        if shares > 1 && threshold == 1 {
            return Err(SealConfigError::ThresholdOfOne);
        }
        let threshold = u8::try_from(threshold).map_err(|_| SealConfigError::ThresholdAboveShares)?;
        if threshold > shares {
            return Err(SealConfigError::ThresholdAboveShares);
        }
        Ok(Self { kind: SealKind::Shamir, shares, threshold, nonce })
    }

    /// Of a seal that unseals by itself. No shares and a threshold of none: no recovery keys.
    pub fn automatic(kind: SealKind, shares: i64, threshold: i64, nonce: String) -> Result<Self, SealConfigError> {
        if (shares, threshold) == (0, 0) {
            return Ok(Self { kind, shares: 0, threshold: 0, nonce });
        }
        if shares == 0 {
            return Err(SealConfigError::ThresholdOfNone);
        }
        Ok(Self { kind, ..Self::shamir(shares, threshold, nonce)? })
    }

    /// The same seal with other shares.
    pub fn reshared(&self, shares: i64, threshold: i64, nonce: String) -> Result<Self, SealConfigError> {
        Ok(Self { kind: self.kind, ..Self::shamir(shares, threshold, nonce)? })
    }

    /// The same shares with a seal of another kind. Without shares there has to be one that unseals by itself.
    pub fn guarded_by(&self, kind: SealKind) -> Result<Self, SealConfigError> {
        match kind {
            SealKind::Shamir if self.shares == 0 => Err(SealConfigError::NoShares),
            kind => Ok(Self { kind, ..self.clone() }),
        }
    }

    pub fn kind(&self) -> SealKind {
        self.kind
    }

    pub fn shares(&self) -> u8 {
        self.shares
    }

    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    /// Tells an earlier set of shares from the present one.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }
}
