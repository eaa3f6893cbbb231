#![doc = include_str!("../README.md")]

mod device;
mod key;
mod mechanism;
mod pins;
mod thread;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use barrier::{Seal, SealFailure, SealKind};
use zeroize::Zeroizing;

pub use key::KeyName;
pub use mechanism::{Hash, Mechanism};

use device::{Fault, Lent, Place, Use};
use thread::Thread;

/// Where the key is, and how it is used.
pub struct Options {
    /// The vendor's library.
    pub lib: PathBuf,
    /// One of the two names the token, or both.
    pub slot: Option<u64>,
    pub token_label: Option<String>,
    pub pin: Zeroizing<String>,
    pub key: KeyName,
    pub mechanism: Mechanism,
}

pub struct Pkcs11Seal {
    place: Arc<Place>,
    key: KeyName,
    mechanism: Mechanism,
}

impl Pkcs11Seal {
    /// Nothing is loaded yet.
    pub fn new(options: Options) -> Self {
        let Options { lib, slot, token_label, pin, key, mechanism } = options;
        Self { place: Arc::new(Place { lib, slot, token_label, pin }), key, mechanism }
    }

    async fn run(&self, key: &KeyName, asked: Use) -> Result<Zeroizing<Vec<u8>>, SealFailure> {
        let done = Thread::of(&self.place.lib).run(Arc::clone(&self.place), asked).await;
        done.map_err(|fault| match fault {
            Fault::Unavailable(problem) => SealFailure::Unavailable(problem),
            Fault::DoesNotOpen | Fault::Unclear => SealFailure::DoesNotOpen,
            Fault::NoSuchKey => SealFailure::NoSuchKey(key.to_string()),
            Fault::WrongPin => SealFailure::Unavailable("the device refuses the PIN".to_owned()),
            Fault::PinRefusedBefore => SealFailure::Unavailable(
                "the device has refused the PIN, and is not asked with it again before the server is started anew"
                    .to_owned(),
            ),
        })
    }
}

#[async_trait]
impl Seal for Pkcs11Seal {
    fn kind(&self) -> SealKind {
        SealKind::Pkcs11
    }

    fn key_id(&self) -> String {
        self.key.to_string()
    }

    async fn encrypt(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, SealFailure> {
        let plain = Lent::new(plain);
        let (key, purpose) = (self.key.clone(), purpose.to_owned());
        let asked = Use::Encrypt { key, mechanism: self.mechanism, purpose, plain: plain.handle() };
        Ok(self.run(&self.key, asked).await?.to_vec())
    }

    async fn decrypt(&self, key_id: &str, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealFailure> {
        // An earlier key of the same device opens what it sealed, under its own name.
        let key = KeyName::parse(key_id).ok_or_else(|| SealFailure::NoSuchKey(key_id.to_owned()))?;
        let asked = Use::Decrypt { key: key.clone(), purpose: purpose.to_owned(), sealed: sealed.to_vec() };
        self.run(&key, asked).await
    }
}

#[cfg(test)]
mod tests;
