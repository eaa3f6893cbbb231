//! What a code is made of: the hash, how many digits, which step of time.

use crypto::CodeHash;
use sdk::{Failure, Millis, Result};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Serialize, Deserialize)]
pub enum Algorithm {
    #[serde(rename = "SHA1")]
    Sha1,
    #[serde(rename = "SHA256")]
    Sha256,
    #[serde(rename = "SHA512")]
    Sha512,
}

impl Algorithm {
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "SHA1" => Ok(Self::Sha1),
            "SHA256" => Ok(Self::Sha256),
            "SHA512" => Ok(Self::Sha512),
            _ => Err(Failure::invalid("the algorithm value is not valid: it can be SHA1, SHA256 or SHA512")),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
        }
    }

    pub(crate) fn hash(self) -> CodeHash {
        match self {
            Self::Sha1 => CodeHash::Sha1,
            Self::Sha256 => CodeHash::Sha256,
            Self::Sha512 => CodeHash::Sha512,
        }
    }
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Digits {
    Six,
    Eight,
}

impl Digits {
    pub fn from_count(count: i64) -> Result<Self> {
        match count {
            6 => Ok(Self::Six),
            8 => Ok(Self::Eight),
            _ => Err(Failure::invalid("the digits value can only be 6 or 8")),
        }
    }

    pub fn count(self) -> usize {
        match self {
            Self::Six => 6,
            Self::Eight => 8,
        }
    }

    pub(crate) fn write(self, number: u32) -> String {
        match self {
            Self::Six => format!("{:06}", number % 1_000_000),
            Self::Eight => format!("{:08}", number % 100_000_000),
        }
    }
}

/// A time, and which of a key's steps it falls into.
pub struct Moment {
    pub seconds: u64,
    pub step: u64,
}

impl Moment {
    pub fn of(now: Millis, period: u64) -> Self {
        let seconds = now.0 / 1000;
        Self { seconds, step: seconds / period.max(1) }
    }
}
