//! A key, and the codes that are right by it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::{ct_eq, one_time_code};
use sdk::Result;
use serde::{Deserialize, Serialize};

use crate::code::{Algorithm, Digits};
use crate::secret::Secret;
use crate::{otpauth, qr};

/// No Debug: it holds the secret.
#[derive(Serialize, Deserialize)]
pub struct Key {
    pub secret: Secret,
    pub issuer: String,
    pub account_name: String,
    /// Seconds, at least one.
    pub period: u64,
    pub algorithm: Algorithm,
    pub digits: Digits,
    /// Steps before and after the current one.
    pub skew: u64,
}

impl Key {
    /// The code of one step.
    pub fn code(&self, step: u64) -> Result<String> {
        let number = one_time_code(self.algorithm.hash(), &self.secret.bytes()?, step);
        Ok(self.digits.write(number))
    }

    /// The step whose code it is: this one, or one that is near enough. Every one of them is compared, so that the time it
    /// takes does not tell which.
    pub fn step_of(&self, code: &str, step: u64) -> Result<Option<u64>> {
        let mut right = None;
        for near in step.saturating_sub(self.skew)..=step.saturating_add(self.skew) {
            if ct_eq(self.code(near)?.as_bytes(), code.as_bytes()) {
                right = Some(near);
            }
        }
        Ok(right)
    }

    /// As an authenticator takes it.
    pub fn url(&self) -> String {
        otpauth::write(self)
    }

    /// The URL as a QR code with sides of so many pixels: a PNG in base64.
    pub fn barcode(&self, side: u32) -> Result<String> {
        Ok(STANDARD.encode(qr::png(&self.url(), side)?))
    }
}
