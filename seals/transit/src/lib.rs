#![doc = include_str!("../README.md")]

mod call;
mod renewal;
mod token;

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use barrier::{Seal, SealFailure, SealKind, bind, unbind};
use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::json;
use zeroize::Zeroizing;

use call::{Called, Calls};
pub use token::Token;

/// Where the key is, and as whom it is used.
pub struct Options {
    /// Of the server, `https://host:port`.
    pub address: reqwest::Url,
    pub token: Token,
    pub key_name: String,
    /// Of the transit engine.
    pub mount_path: String,
    pub namespace: Option<String>,
    /// Whether the token is kept alive from here.
    pub renew: bool,
    /// Whether it follows that server to its own host alone.
    pub stays: bool,
}

pub struct TransitSeal {
    calls: Calls,
    mount: String,
    key: String,
    renew: bool,
    /// The version of the key that was the last to encrypt anything here. Not the newest ever: keys are made anew, and begin at one.
    latest: AtomicU64,
}

impl TransitSeal {
    /// The client knows whom to trust, and follows no redirect by itself.
    pub fn new(options: Options, client: reqwest::Client) -> Self {
        Self {
            mount: options.mount_path.trim_matches('/').to_owned(),
            key: options.key_name,
            renew: options.renew,
            latest: AtomicU64::new(0),
            calls: Calls::new(client, options.address, options.token, options.namespace, options.stays),
        }
    }

    async fn ask(&self, operation: &str, body: &serde_json::Value, field: &str) -> Result<Zeroizing<String>, Called> {
        let path = [&*self.mount, operation, &*self.key];
        let mut answer = self.calls.post(&path, body).await?;
        match answer["data"][field].take() {
            serde_json::Value::String(text) => Ok(Zeroizing::new(text)),
            _ => Err(Called::Failed(format!("its answer has no {field}"))),
        }
    }
}

#[async_trait]
impl Seal for TransitSeal {
    fn kind(&self) -> SealKind {
        SealKind::Transit
    }

    /// Without the key's version, which every ciphertext names itself.
    fn key_id(&self) -> String {
        format!("{}/{}", self.mount, self.key)
    }

    async fn encrypt(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, SealFailure> {
        let plaintext = Zeroizing::new(BASE64_STANDARD.encode(bind(purpose, plain)));
        let sealed = self.ask("encrypt", &json!({ "plaintext": plaintext.as_str() }), "ciphertext").await;
        let sealed = sealed.map_err(Called::into_failure)?;
        let version = version(sealed.as_bytes())
            .ok_or_else(|| SealFailure::Unavailable("what it encrypted does not name a version of its key".into()))?;
        self.latest.store(version, Ordering::Relaxed);
        Ok(sealed.as_bytes().to_vec())
    }

    async fn decrypt(&self, key_id: &str, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealFailure> {
        if key_id != self.key_id() {
            return Err(SealFailure::NoSuchKey(key_id.to_owned()));
        }
        let ciphertext = std::str::from_utf8(sealed).map_err(|_| SealFailure::DoesNotOpen)?;
        let opened = match self.ask("decrypt", &json!({ "ciphertext": ciphertext }), "plaintext").await {
            Ok(opened) => opened,
            Err(Called::Refused { status: 400, problem }) if is_about_the_ciphertext(&problem) => {
                return Err(SealFailure::DoesNotOpen);
            }
            Err(problem) => return Err(problem.into_failure()),
        };
        let bound = BASE64_STANDARD.decode(opened.as_bytes()).map(Zeroizing::new);
        unbind(purpose, bound.map_err(|_| SealFailure::Unavailable("its answer is not base64".into()))?)
    }

    fn is_outdated(&self, key_id: &str, sealed: &[u8]) -> bool {
        let older = || version(sealed).is_none_or(|version| version < self.latest.load(Ordering::Relaxed));
        key_id == self.key_id() && older()
    }

    async fn keep(&self) {
        if self.renew {
            renewal::run(&self.calls).await;
        }
        std::future::pending().await
    }
}

/// Of `vault:v3:…`. Servers may have another word in the place of the first.
fn version(sealed: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(sealed).ok()?;
    text.split(':').nth(1)?.strip_prefix('v')?.parse().ok()
}

/// Said of a ciphertext that another key has made, or that was altered. Whatever else is refused may be mended over there: a key that
/// is deleted, or that is not to decrypt what its old versions encrypted, an engine of another kind.
fn is_about_the_ciphertext(problem: &str) -> bool {
    ["message authentication failed", "invalid ciphertext", "RSA decrypt", "decryption error"]
        .iter()
        .any(|said| problem.contains(said))
}

#[cfg(test)]
mod tests;
