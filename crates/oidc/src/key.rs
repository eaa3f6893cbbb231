//! Named keys: what signs now, what will sign next, and the public halves that tokens may still be verified with.
//!
//! ```text
//! oidc / key / name          settings, and the public halves
//! oidc / private / name      the private halves of the two that sign now and next
//! ```
//!
//! The next key is shown to verifiers one period before it signs, so that those which keep a copy have it by then.

use crypto::{InvalidKey, PrivateKey, PublicKey};
use sdk::{Failure, Key, Millis, Read, Result, Txn};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use zeroize::Zeroizing;

use crate::default::{DEFAULT, names_with};
use crate::expiry::reschedule;
use crate::{Algorithm, Jwk, Signer, folder};

/// How many named keys a namespace may have: whoever wants to verify reads them all.
pub const KEYS_MAX: usize = 1000;
/// How many public halves of one key may count at once.
const RING_MAX: usize = 64;
/// Seconds of both periods of a key that nothing else is said of.
pub const DAY: u64 = 24 * 3600;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NamedKey {
    pub algorithm: Algorithm,
    /// Seconds.
    pub rotation_period: u64,
    /// Seconds.
    pub verification_ttl: u64,
    /// `*` is all of them.
    pub allowed_client_ids: Vec<String>,
    /// Which of the ring signs. `None`: nothing has been made yet.
    pub signing: Option<String>,
    pub next: Option<String>,
    pub ring: Vec<Public>,
    pub next_rotation: Option<Millis>,
    /// What the order of what is due says.
    pub due: Option<Millis>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Public {
    pub kid: String,
    pub algorithm: Algorithm,
    #[serde(with = "base64_bytes")]
    pub spki: Vec<u8>,
    /// Once it signs no more.
    pub expires: Option<Millis>,
}

impl Public {
    pub fn key(&self) -> Result<PublicKey> {
        PublicKey::from_spki(&self.spki).map_err(Failure::internal)
    }

    pub fn jwk(&self) -> Result<Jwk> {
        let key = self.key()?;
        Jwk::of(&key, &self.kid, self.algorithm).ok_or_else(|| Failure::internal("a key without a public form"))
    }
}

/// A key pair that belongs to no named key yet.
pub struct Made {
    algorithm: Algorithm,
    kid: String,
    spki: Vec<u8>,
    pkcs8: Zeroizing<Vec<u8>>,
}

impl Made {
    /// Takes long for RSA.
    pub fn new(algorithm: Algorithm) -> Result<Self, InvalidKey> {
        let key = algorithm.generate()?;
        Ok(Self { algorithm, kid: new_id(), spki: key.public().spki().to_vec(), pkcs8: key.pkcs8() })
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn public(&self) -> Public {
        Public { kid: self.kid.clone(), algorithm: self.algorithm, spki: self.spki.clone(), expires: None }
    }

    fn private(&self) -> Pair {
        Pair { kid: self.kid.clone(), algorithm: self.algorithm, pkcs8: self.pkcs8.clone() }
    }
}

/// A random UUID.
fn new_id() -> String {
    let mut bytes: [u8; 16] = crypto::random();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex::encode(bytes);
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

/// No Debug: it is what nobody may see.
#[derive(Clone, Serialize, Deserialize)]
struct Pair {
    kid: String,
    algorithm: Algorithm,
    #[serde(with = "base64_secret")]
    pkcs8: Zeroizing<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Private {
    signing: Pair,
    next: Pair,
}

impl Private {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        serde_json::from_slice(bytes).map_err(|_| Failure::internal("the private halves of a key cannot be read"))
    }

    pub(crate) fn signer(self) -> Result<Signer> {
        let Pair { kid, algorithm, pkcs8 } = self.signing;
        let key = PrivateKey::from_pkcs8(&pkcs8).map_err(Failure::internal)?;
        Ok(Signer { kid, algorithm, key })
    }
}

fn keys() -> Key {
    folder("key")
}

fn key_at(name: &str) -> Key {
    keys().name(name)
}

pub(crate) fn private_key(name: &str) -> Key {
    folder("private").name(name)
}

impl NamedKey {
    pub fn new(algorithm: Algorithm) -> Self {
        Self {
            algorithm,
            rotation_period: DAY,
            verification_ttl: DAY,
            allowed_client_ids: Vec::new(),
            signing: None,
            next: None,
            ring: Vec::new(),
            next_rotation: None,
            due: None,
        }
    }

    /// There from the beginning; of nothing it has made anything until somebody wants to sign with it.
    fn default_one() -> Self {
        Self { allowed_client_ids: vec!["*".into()], ..Self::new(Algorithm::RS256) }
    }

    pub fn get(read: &impl Read, name: &str) -> Result<Option<Self>> {
        let stored = read.get(&key_at(name))?;
        Ok(stored.or_else(|| (name == DEFAULT).then(Self::default_one)))
    }

    pub fn take(txn: &Txn, name: &str) -> Result<Option<Self>> {
        txn.latch(&key_at(name))?;
        Self::get(txn, name)
    }

    pub fn names(read: &impl Read) -> Result<Vec<String>> {
        names_with(read, &keys(), &[DEFAULT])
    }

    pub fn is_made(&self) -> bool {
        self.signing.is_some()
    }

    /// Whether the pair is of its algorithm.
    pub fn is_made_by(&self, made: &Made) -> bool {
        self.is_made() && self.algorithm == made.algorithm
    }

    pub fn allows(&self, client_id: &str) -> bool {
        self.allowed_client_ids.iter().any(|allowed| allowed == "*" || allowed == client_id)
    }

    /// The halves that verify at `now`.
    pub fn verifies(&self, now: Millis) -> impl Iterator<Item = &Public> {
        self.ring.iter().filter(move |public| public.expires.is_none_or(|end| end > now))
    }

    /// Answers when there is something to do about it.
    pub fn put(&mut self, txn: &mut Txn, name: &str) -> Result<Option<Millis>> {
        let due = self.first_end().into_iter().chain(self.next_rotation).min();
        reschedule(txn, name, self.due, due)?;
        self.due = due;
        txn.put(&key_at(name), self)?;
        Ok(due)
    }

    pub fn delete(self, txn: &mut Txn, name: &str) -> Result<()> {
        reschedule(txn, name, self.due, None)?;
        txn.delete(&private_key(name));
        txn.delete(&key_at(name));
        Ok(())
    }

    /// When it is to rotate, after its period or its beginnings have changed: never later than was said before.
    pub fn plan(&mut self, now: Millis) {
        let at = now.plus(Duration::from_secs(self.rotation_period));
        self.next_rotation = Some(self.next_rotation.map_or(at, |before| before.min(at)));
    }

    /// Takes two new pairs, the first or those of another algorithm. What has signed verifies on for its time.
    pub fn renew(&mut self, txn: &mut Txn, name: &str, made: &[Made], now: Millis) -> Result<()> {
        let [signing, next] = made else { return Err(Failure::internal("a key begins with two pairs")) };
        self.retire(now, self.verification_ttl);
        // It has signed nothing.
        self.ring.retain(|public| self.next.as_ref() != Some(&public.kid));
        self.make_room(now)?;
        self.algorithm = signing.algorithm;
        self.ring.extend([signing.public(), next.public()]);
        (self.signing, self.next) = (Some(signing.kid.clone()), Some(next.kid.clone()));
        self.next_rotation = None;
        self.plan(now);
        Ok(txn.put(&private_key(name), &Private { signing: signing.private(), next: next.private() })?)
    }

    /// The next one signs from now on, and `made` comes after it. What [has](Self::is_made) none is renewed instead.
    pub fn rotate(&mut self, txn: &mut Txn, name: &str, made: &Made, now: Millis, ttl: Option<u64>) -> Result<()> {
        let stored: Option<Private> = txn.get_for_update(&private_key(name))?;
        let before = stored.ok_or_else(|| Failure::internal("a key that is made has no private halves"))?;
        self.retire(now, ttl.unwrap_or(self.verification_ttl));
        self.make_room(now)?;
        self.ring.push(made.public());
        (self.signing, self.next) = (self.next.take(), Some(made.kid.clone()));
        self.next_rotation = Some(now.plus(Duration::from_secs(self.rotation_period)));
        Ok(txn.put(&private_key(name), &Private { signing: before.next, next: made.private() })?)
    }

    fn retire(&mut self, now: Millis, ttl: u64) {
        let signing = self.signing.as_ref();
        for public in self.ring.iter_mut().filter(|public| signing == Some(&public.kid)) {
            public.expires = Some(now.plus(Duration::from_secs(ttl)));
        }
    }

    /// Lets go of halves whose time is up.
    pub fn forget(&mut self, now: Millis) {
        self.ring.retain(|public| public.expires.is_none_or(|end| end > now));
    }

    /// Whether it has to wait for one half to end before it can rotate.
    pub(crate) fn is_full(&self) -> bool {
        self.ring.len() >= RING_MAX
    }

    /// When a half ends.
    pub(crate) fn first_end(&self) -> Option<Millis> {
        self.ring.iter().filter_map(|public| public.expires).min()
    }

    fn make_room(&mut self, now: Millis) -> Result<()> {
        self.forget(now);
        if self.is_full() {
            return Err(Failure::invalid(format!(
                "the key has {RING_MAX} public keys that tokens may still be verified with; rotate it with a shorter \
                 verification_ttl, or later"
            )));
        }
        Ok(())
    }
}

mod base64_bytes {
    use base64::prelude::{BASE64_STANDARD, Engine};
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        BASE64_STANDARD.decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}

mod base64_secret {
    use base64::prelude::{BASE64_STANDARD, Engine};
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use zeroize::Zeroizing;

    pub fn serialize<S: Serializer>(bytes: &Zeroizing<Vec<u8>>, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&Zeroizing::new(BASE64_STANDARD.encode(bytes.as_slice())))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Zeroizing<Vec<u8>>, D::Error> {
        let text = Zeroizing::new(String::deserialize(from)?);
        BASE64_STANDARD.decode(text.as_bytes()).map(Zeroizing::new).map_err(D::Error::custom)
    }
}
