//! A token that enough operators ask for together, and how it travels to the one who reads it: encoded with a one-time
//! password, or encrypted to a PGP key, so that nobody on the way can.

use std::time::Duration;

use barrier::{SealConfig, Share, UnsealKey};
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, Engine};
use openpgp::PublicKey;
use storage::Term;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::ceremony::{CeremonyError, Collected};
use crate::letters;
use crate::token::ClientToken;

type Result<T> = std::result::Result<T, CeremonyError>;

/// How the token travels.
pub(crate) enum Encoding {
    Otp(Zeroizing<String>),
    Pgp(Box<PublicKey>),
}

/// An attempt at one.
pub(crate) struct Generation {
    encoding: Encoding,
    collected: Collected,
    began: Instant,
}

/// For so long whoever cancels an attempt has to name it.
const UNNAMED: Duration = Duration::from_secs(600);

#[derive(Debug, Default, PartialEq, Eq)]
pub struct GenerationStatus {
    pub started: bool,
    pub nonce: String,
    pub progress: usize,
    pub required: u8,
    pub fingerprint: String,
}

/// What the one who started it needs to read the token.
pub struct GenerationStarted {
    pub status: GenerationStatus,
    /// Made here because none was given.
    pub otp: Option<Zeroizing<String>>,
}

impl Encoding {
    /// As the request says it, for a token of that length. With the one-time password, if it was made here.
    pub fn asked(otp: &str, pgp_key: &str, length: usize) -> Result<(Self, Option<Zeroizing<String>>)> {
        match (otp, pgp_key) {
            ("", "") => {
                let otp = Zeroizing::new(letters::random(length));
                Ok((Self::Otp(otp.clone()), Some(otp)))
            }
            ("", key) => {
                let key = PublicKey::parse(key);
                let key = key.map_err(|e| CeremonyError::refused(format!("error parsing PGP key: {e}")))?;
                Ok((Self::Pgp(Box::new(key)), None))
            }
            (otp, "") if otp.len() == length => Ok((Self::Otp(Zeroizing::new(otp.to_owned())), None)),
            (_, "") => {
                let text = format!("OTP string has incorrect length: it must have {length} characters");
                Err(CeremonyError::refused(text))
            }
            _ => Err(CeremonyError::refused("give otp or pgp_key, not both")),
        }
    }
}

impl Generation {
    pub fn begin(encoding: Encoding, term: Term) -> Self {
        Self { encoding, collected: Collected::begin(term), began: Instant::now() }
    }

    pub fn status(&self, required: u8) -> GenerationStatus {
        GenerationStatus {
            started: true,
            nonce: self.nonce().to_owned(),
            progress: self.collected.given(),
            required,
            fingerprint: match &self.encoding {
                Encoding::Otp(_) => String::new(),
                Encoding::Pgp(key) => key.fingerprint(),
            },
        }
    }

    pub fn nonce(&self) -> &str {
        &self.collected.nonce
    }

    pub fn may_be_cancelled_by(&self, nonce: &str) -> bool {
        nonce == self.nonce() || self.began.elapsed() >= UNNAMED
    }

    /// Whether it was begun under that leadership.
    pub fn is_of(&self, term: Term) -> bool {
        self.collected.term == term
    }

    /// Takes a share; with the last one, the key that all of them make.
    pub fn add(&mut self, share: Share, nonce: &str, config: &SealConfig) -> Result<Option<UnsealKey>> {
        self.collected.add(share, nonce, config)
    }

    /// The token, encoded or encrypted, in base64.
    pub fn encode(&self, token: &ClientToken) -> Result<String> {
        Ok(match &self.encoding {
            Encoding::Otp(otp) => xor(token.expose(), otp),
            Encoding::Pgp(key) => {
                BASE64_STANDARD.encode(key.encrypt(token.expose().as_bytes()).map_err(CeremonyError::refused)?)
            }
        })
    }
}

/// Both have the same length: one was made or checked to fit the other.
fn xor(token: &str, otp: &str) -> String {
    let mixed = Zeroizing::new(token.bytes().zip(otp.bytes()).map(|(a, b)| a ^ b).collect::<Vec<u8>>());
    BASE64_STANDARD_NO_PAD.encode(mixed.as_slice())
}

/// Reads the token back that was encoded with a one-time password.
pub fn decode_token(encoded: &str, otp: &str) -> std::result::Result<ClientToken, String> {
    let mixed = BASE64_STANDARD_NO_PAD.decode(encoded.trim_end_matches('='));
    let mixed = Zeroizing::new(mixed.map_err(|e| format!("error decoding base64'd token: {e}"))?);
    if mixed.len() != otp.len() {
        let (a, b) = (mixed.len(), otp.len());
        return Err(format!(
            "error xoring token: the encoded token has {a} bytes and the OTP {b}; both must be of one attempt"
        ));
    }
    let plain = mixed.iter().zip(otp.bytes()).map(|(a, b)| a ^ b).collect();
    let text =
        String::from_utf8(plain).map_err(|_| "the OTP does not belong to this token: what comes out is no text")?;
    Ok(ClientToken::new(text))
}
