//! How a node proves that it may join: it has the shares of this cluster's unseal key, and the leader is unsealed.
//!
//! ```text
//!   joiner                                                leader (unsealed)
//!     │ server id, public key                                │
//!     ├──────────────────────────────────────────────────▶  │ challenge(): stateless, a MAC over time, id, key
//!     │ ◀────────────────────────────────────────────────── ┤
//!     │ answer(): MAC under the join key over the challenge, │
//!     │ id, key and the address it will serve on             │
//!     ├──────────────────────────────────────────────────▶  │ verify_answer()
//!     │ ◀──────────────────────────────── members, proof ── ┤ prove_members()
//!     │ verify_members(): only a leader that holds the join  │
//!     │ key can have made the list                           │
//! ```
//!
//! Pure functions: clock and keys are arguments, nothing is remembered. An answer can be replayed within its lifetime, but
//! only for the very node, key and address that it names. While a joiner waits for its shares a challenge may run out; it
//! asks for a fresh one right before answering.

use std::time::Duration;

use crypto::{Aead, Hmac, Key32, OpenError};
use storage::{Millis, SealError};

use crate::{Barrier, RootKey};

/// How old, or by a differing clock how young, a challenge may be.
const LIFETIME: Duration = Duration::from_secs(300);

pub type Answer = [u8; 32];
pub type Proof = [u8; 32];

/// Derived from the unseal key, or wrapped by the seal; kept in the keyring: both sides have it, and nobody else.
pub struct JoinKey(Key32);

impl JoinKey {
    /// For a cluster without shares.
    pub fn random() -> Self {
        Self(Key32::random())
    }

    pub(crate) fn from_key(key: Key32) -> Self {
        Self(key)
    }

    /// Tells it from others. Not secret.
    pub fn id(&self) -> String {
        hex::encode(&crypto::derive_key(self.0.expose(), "holdfast join key id").expose()[..16])
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    fn mac(&self, purpose: &str, fields: &[&[u8]]) -> [u8; 32] {
        Hmac::new(&self.0).mac(&message(purpose, fields))
    }

    fn verify(&self, purpose: &str, fields: &[&[u8]], tag: &[u8]) -> bool {
        Hmac::new(&self.0).verify(&message(purpose, fields), tag)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    #[error("the node that was asked is sealed and cannot judge who may join")]
    Sealed,
    #[error("the join challenge is not well formed")]
    MalformedChallenge,
    #[error("the join challenge has format {0}, which this version does not know")]
    UnknownFormat(u8),
    #[error("the join challenge was not made by this cluster for this node")]
    ForeignChallenge,
    #[error("the join challenge has run out; a new one is needed")]
    StaleChallenge,
    #[error("the joining node does not have this cluster's unseal key")]
    WrongAnswer,
    #[error("the list of members does not come from a node that has this cluster's unseal key")]
    WrongMembers,
}

impl From<SealError> for JoinError {
    /// The only way in which lending a key fails.
    fn from(_: SealError) -> Self {
        Self::Sealed
    }
}

/// Leader: a question for one joiner.
pub fn challenge(
    barrier: &Barrier,
    now: Millis,
    server_id: &str,
    joiner_public_key: &[u8; 32],
) -> Result<Vec<u8>, JoinError> {
    let issued = now.0.to_be_bytes();
    let message = challenge_message(&issued, server_id, joiner_public_key);
    let mac = barrier.with(|u| u.challenges.mac(&message))?;
    Ok([&[FORMAT], issued.as_slice(), &mac].concat())
}

/// Joiner: the proof that it holds the unseal key.
pub fn answer(
    join_key: &JoinKey,
    challenge: &[u8],
    server_id: &str,
    public_key: &[u8; 32],
    cluster_addr: &str,
) -> Answer {
    join_key.mac(ANSWER, &[challenge, server_id.as_bytes(), public_key, cluster_addr.as_bytes()])
}

/// Leader: whether the joiner may come in, under exactly this id, key and address.
pub fn verify_answer(
    barrier: &Barrier,
    now: Millis,
    challenge: &[u8],
    server_id: &str,
    public_key: &[u8; 32],
    cluster_addr: &str,
    answer: &[u8],
) -> Result<(), JoinError> {
    let (format, rest) = challenge.split_first().ok_or(JoinError::MalformedChallenge)?;
    if *format != FORMAT {
        return Err(JoinError::UnknownFormat(*format));
    }
    let (issued, mac) = rest.split_first_chunk::<8>().ok_or(JoinError::MalformedChallenge)?;
    let message = challenge_message(issued, server_id, public_key);
    if !barrier.with(|u| u.challenges.verify(&message, mac))? {
        return Err(JoinError::ForeignChallenge);
    }
    let apart = u64::from_be_bytes(*issued).abs_diff(now.0);
    if u128::from(apart) > LIFETIME.as_millis() {
        return Err(JoinError::StaleChallenge);
    }
    let fields = [challenge, server_id.as_bytes(), public_key, cluster_addr.as_bytes()];
    if !barrier.with(|u| u.keyring.join_key().verify(ANSWER, &fields, answer))? {
        return Err(JoinError::WrongAnswer);
    }
    Ok(())
}

/// The same by another key than the keyring's, of a challenge that was found to be good: that of shares which are older than it.
pub fn verify_answer_by(
    join_key: &JoinKey,
    challenge: &[u8],
    server_id: &str,
    public_key: &[u8; 32],
    cluster_addr: &str,
    answer: &[u8],
) -> Result<(), JoinError> {
    let fields = [challenge, server_id.as_bytes(), public_key, cluster_addr.as_bytes()];
    if join_key.verify(ANSWER, &fields, answer) { Ok(()) } else { Err(JoinError::WrongAnswer) }
}

/// Leader: the counter-proof, over the encoded list of members that goes back with it.
pub fn prove_members(barrier: &Barrier, challenge: &[u8], members: &[u8]) -> Result<Proof, JoinError> {
    Ok(barrier.with(|u| u.keyring.join_key().mac(MEMBERS, &[challenge, members]))?)
}

/// The same by another key than the keyring's.
pub fn prove_members_by(join_key: &JoinKey, challenge: &[u8], members: &[u8]) -> Proof {
    join_key.mac(MEMBERS, &[challenge, members])
}

/// Joiner: whether the list is genuine, and an answer to this very attempt.
pub fn verify_members(join_key: &JoinKey, challenge: &[u8], members: &[u8], proof: &[u8]) -> Result<(), JoinError> {
    if join_key.verify(MEMBERS, &[challenge, members], proof) { Ok(()) } else { Err(JoinError::WrongMembers) }
}

/// The join key of shares, for whoever holds the root key: `shares` is the id of what they make. A secondary takes its keyring from
/// its primary, whose shares may be replaced, and keeps its own.
pub fn keep_join_key(root: &RootKey, join: &JoinKey, shares: &str) -> Vec<u8> {
    [&[FORMAT], &*keeping(root).seal(kept(shares).as_bytes(), join.expose())].concat()
}

impl Barrier {
    /// What [`keep_join_key`] has kept under this root key for these shares.
    pub fn kept_join_key(&self, sealed: &[u8], shares: &str) -> Result<JoinKey, OpenError> {
        let sealed = sealed.strip_prefix(&[FORMAT]).ok_or(OpenError)?;
        let opened =
            self.with_root(|root| keeping(root).open(kept(shares).as_bytes(), sealed)).map_err(|_| OpenError)??;
        Key32::from_slice(&opened).map(JoinKey).map_err(|_| OpenError)
    }
}

fn keeping(root: &RootKey) -> Aead {
    Aead::new(&crypto::derive_key(root.locked().expose(), "holdfast kept join key"))
}

fn kept(shares: &str) -> String {
    format!("holdfast join key of shares {shares}")
}

fn challenge_message(issued: &[u8; 8], server_id: &str, public_key: &[u8; 32]) -> Vec<u8> {
    message("holdfast join challenge", &[&[FORMAT], issued, server_id.as_bytes(), public_key])
}

/// Purpose and fields, each after its length, so that no two lists of fields read alike.
fn message(purpose: &str, fields: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in [purpose.as_bytes()].iter().chain(fields) {
        out.extend_from_slice(&(part.len() as u64).to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

const FORMAT: u8 = 1;
const ANSWER: &str = "holdfast join answer";
const MEMBERS: &str = "holdfast join members";

#[cfg(test)]
mod tests;
