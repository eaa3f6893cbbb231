//! The activation token: what a cluster needs to become the secondary of another one. Whoever holds it, once and until it
//! runs out, gets the primary's root key: it is handed over like one.
//!
//! It is base64url of JSON; or, where the secondary has shown a key, of that JSON encrypted to it (X25519, AES-256-GCM), so
//! that it may travel on any way.

use barrier::RootKeyId;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use crypto::{Aead, Agreement, Key32, OpenError};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::replication::Member;

/// No Debug: it is a secret.
#[derive(Serialize, Deserialize)]
pub struct Activation {
    format: u32,
    /// The primary's cluster id.
    pub cluster: String,
    /// What the primary calls the secondary.
    pub id: String,
    /// Where it is.
    pub primary: Vec<Member>,
    #[serde(with = "hex::serde")]
    pub secret: [u8; 32],
    /// How many shares the primary has: without any, the secondary needs a seal of its own.
    pub shares: u8,
    /// Names the primary's root key: with another one, all that the secondary has is replaced.
    pub root_key_id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActivationError {
    #[error("this is no activation token: give the one that dr/primary/secondary-token of the primary has answered")]
    Malformed,
    #[error(
        "the activation token has format {0}, which this version does not know: the primary is newer; upgrade this cluster first"
    )]
    Format(u32),
    #[error(
        "the activation token is encrypted to a public key that this cluster has not: ask for dr/secondary/generate-public-key \
         here, and for a token to that key at the primary"
    )]
    NotForHere,
    #[error(
        "this is no public key of a cluster: give what dr/secondary/generate-public-key of the secondary has answered"
    )]
    NoKey,
}

/// Longer texts are none: a token names a primary's members.
const TEXT_MAX: usize = 64 * 1024;
const MEMBERS_MAX: usize = 64;

impl Activation {
    pub fn new(
        cluster: String,
        id: String,
        primary: Vec<Member>,
        secret: [u8; 32],
        shares: u8,
        root: RootKeyId,
    ) -> Self {
        Self { format: FORMAT, cluster, id, primary, secret, shares, root_key_id: root.to_string() }
    }

    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(self.json().as_slice()))
    }

    /// For the holder of that key alone.
    pub fn sealed_to(&self, public_key: &str) -> Result<String, ActivationError> {
        let theirs = public_of(public_key)?;
        let own = Agreement::fresh();
        let key = own.key(&theirs, LABEL, &[&theirs, &own.public()]).map_err(|_| ActivationError::NoKey)?;
        let sealed = Aead::new(&key).seal(LABEL.as_bytes(), &self.json());
        Ok(BASE64_URL_SAFE_NO_PAD.encode([&[SEALED], own.public().as_slice(), &sealed].concat()))
    }

    /// `key` is asked for where the token is encrypted.
    pub fn parse<E: From<ActivationError>>(
        text: &str,
        key: impl FnOnce() -> Result<Option<Key32>, E>,
    ) -> Result<Self, E> {
        let malformed = ActivationError::Malformed;
        let text = text.trim().trim_end_matches('=');
        if text.len() > TEXT_MAX {
            return Err(malformed.into());
        }
        let bytes = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed)?);
        let plain = match bytes.split_first() {
            Some((&SEALED, rest)) => {
                let own = Agreement::kept(&key()?.ok_or(ActivationError::NotForHere)?);
                Zeroizing::new(open(&own, rest).map_err(|_| ActivationError::NotForHere)?.to_vec())
            }
            _ => bytes,
        };
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let head: Head = serde_json::from_slice(&plain).map_err(|_| malformed)?;
        if head.format != FORMAT {
            return Err(ActivationError::Format(head.format).into());
        }
        let token: Self = serde_json::from_slice(&plain).map_err(|_| malformed)?;
        if token.primary.is_empty() || token.primary.len() > MEMBERS_MAX {
            return Err(malformed.into());
        }
        Ok(token)
    }

    fn json(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(serde_json::to_vec(self).expect("an activation token always serializes"))
    }
}

impl Drop for Activation {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.secret);
    }
}

/// How a secondary's key is written.
pub(super) fn public_text(key: &Key32) -> String {
    BASE64_URL_SAFE_NO_PAD.encode([&[SEALED], Agreement::kept(key).public().as_slice()].concat())
}

fn public_of(text: &str) -> Result<[u8; 32], ActivationError> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text.trim().trim_end_matches('=')).map_err(|_| ActivationError::NoKey)?;
    let key = bytes.strip_prefix(&[SEALED]).ok_or(ActivationError::NoKey)?;
    key.try_into().map_err(|_| ActivationError::NoKey)
}

fn open(own: &Agreement, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (theirs, sealed) = sealed.split_first_chunk::<32>().ok_or(OpenError)?;
    let key = own.key(theirs, LABEL, &[&own.public(), theirs])?;
    Aead::new(&key).open(LABEL.as_bytes(), sealed)
}

const FORMAT: u32 = 1;
/// The first byte of what is encrypted, and of a key; JSON has another.
const SEALED: u8 = 1;
const LABEL: &str = "holdfast activation token";
