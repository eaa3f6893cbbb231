//! The secret that a key's two owners share.

use std::sync::LazyLock;

use data_encoding::{BASE32_NOPAD, DecodeKind, Encoding};
use sdk::{Failure, Result};
use serde::{Deserialize, Serialize};

/// The longest secret, in bytes. Its URL still fits into a QR code.
const BYTES_MAX: usize = 1024;

/// In base32, upper case, without padding. No Debug: it is a secret.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn random(bytes: usize) -> Self {
        let mut secret = vec![0; bytes];
        crypto::fill_random(&mut secret);
        Self(BASE32_NOPAD.encode(&secret))
    }

    /// In either case, padded or not.
    pub fn parse(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(Failure::invalid("the key value is required"));
        }
        let secret = Self(text.trim_end_matches('=').to_ascii_uppercase());
        let bytes = LENIENT.decode(secret.0.as_bytes()).map_err(|error| {
            let what = match error.kind {
                DecodeKind::Length => "is where base32 data break off",
                _ => "is illegal base32 data",
            };
            Failure::invalid(format!("invalid key value: what begins at input byte {} {what}", error.position))
        })?;
        match bytes.len() {
            0 => Err(Failure::invalid("invalid key value: it has no bytes")),
            1..=BYTES_MAX => Ok(secret),
            n => Err(Failure::invalid(format!("invalid key value: it has {n} bytes; at most {BYTES_MAX} are allowed"))),
        }
    }

    pub fn bytes(&self) -> Result<Vec<u8>> {
        LENIENT.decode(self.0.as_bytes()).map_err(|_| Failure::internal("a stored TOTP key is no base32"))
    }

    pub fn base32(&self) -> &str {
        &self.0
    }
}

/// How long a generated secret is to be.
pub fn size(asked: i64) -> Result<usize> {
    match usize::try_from(asked) {
        Ok(0) | Err(_) => Err(Failure::invalid("the key_size value must be greater than zero")),
        Ok(size) if size <= BYTES_MAX => Ok(size),
        Ok(_) => Err(Failure::invalid(format!("the key_size value must be at most {BYTES_MAX}"))),
    }
}

/// The bits behind the last whole byte mean nothing; some issuers leave them set.
static LENIENT: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = BASE32_NOPAD.specification();
    specification.check_trailing_bits = false;
    specification.encoding().expect("invariant: base32 without padding is an encoding")
});
