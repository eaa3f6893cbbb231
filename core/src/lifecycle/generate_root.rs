//! A new root token, when enough operators ask for it together: encoded with a one-time password, or encrypted to a PGP
//! key, so that nobody on the way can read it.

use barrier::Share;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, Engine};
use openpgp::PublicKey;
use storage::{Batch, Latches, RequestId, Term, TxnState};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::ceremony::{CeremonyError, Collected};
use super::init::root_token;
use super::{ChangeError, Node};
use crate::space;
use crate::token::{ClientToken, NewToken, random_letters_of};

/// How the token travels.
pub(super) enum Encoding {
    Otp(Zeroizing<String>),
    Pgp(Box<PublicKey>),
}

pub(super) struct GenerateRoot {
    encoding: Encoding,
    collected: Collected,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct GenerateRootStatus {
    pub started: bool,
    pub nonce: String,
    pub progress: usize,
    pub required: u8,
    pub fingerprint: String,
}

/// What the one who started it needs to read the token.
pub struct GenerateRootStarted {
    pub status: GenerateRootStatus,
    /// Made here because none was given.
    pub otp: Option<Zeroizing<String>>,
}

pub struct GenerateRootProgress {
    pub status: GenerateRootStatus,
    /// The token, encoded or encrypted, in base64.
    pub encoded_token: Option<String>,
    /// It counts once this has been carried out.
    pub pending: Option<NewRoot>,
}

/// A root token that is about to count.
pub struct NewRoot {
    term: Term,
    batch: Batch,
}

type Result<T> = std::result::Result<T, CeremonyError>;

impl GenerateRoot {
    fn status(&self, required: u8) -> GenerateRootStatus {
        GenerateRootStatus {
            started: true,
            nonce: self.collected.nonce.clone(),
            progress: self.collected.given(),
            required,
            fingerprint: match &self.encoding {
                Encoding::Otp(_) => String::new(),
                Encoding::Pgp(key) => key.fingerprint(),
            },
        }
    }
}

impl Node {
    /// As long as a token is.
    pub fn otp_length() -> usize {
        ClientToken::random().expose().len()
    }

    pub fn generate_root_status(&self) -> Result<GenerateRootStatus> {
        let required = self.threshold()?;
        let mut generating = self.generating.try_lock().map_err(|_| CeremonyError::Busy)?;
        Ok(match self.current_attempt(&mut generating)? {
            Some(attempt) => attempt.status(required),
            None => GenerateRootStatus { required, ..GenerateRootStatus::default() },
        })
    }

    pub async fn generate_root_start(&self, otp: &str, pgp_key: &str) -> Result<GenerateRootStarted> {
        let (encoding, made) = match (otp, pgp_key) {
            ("", "") => {
                let otp = Zeroizing::new(random_letters_of(Self::otp_length()));
                (Encoding::Otp(otp.clone()), Some(otp))
            }
            ("", key) => {
                let key = PublicKey::parse(key);
                let key = key.map_err(|e| CeremonyError::refused(format!("error parsing PGP key: {e}")))?;
                (Encoding::Pgp(Box::new(key)), None)
            }
            (otp, "") if otp.len() == Self::otp_length() => (Encoding::Otp(Zeroizing::new(otp.to_owned())), None),
            (_, "") => {
                let text = format!("OTP string has incorrect length: it must have {} characters", Self::otp_length());
                return Err(CeremonyError::refused(text));
            }
            _ => return Err(CeremonyError::refused("give otp or pgp_key, not both")),
        };
        let required = self.threshold()?;
        let mut generating = self.generating.lock().await;
        if self.current_attempt(&mut generating)?.is_some() {
            return Err(CeremonyError::refused("root generation already in progress"));
        }
        let attempt = generating.insert(GenerateRoot { encoding, collected: Collected::begin(self.leading()?) });
        tracing::info!(nonce = attempt.collected.nonce, "the generation of a root token has been started");
        Ok(GenerateRootStarted { status: attempt.status(required), otp: made })
    }

    /// Nothing to cancel is no mistake.
    pub async fn generate_root_cancel(&self) {
        *self.generating.lock().await = None;
    }

    /// Takes a share. The last one makes the token.
    pub async fn generate_root_update(&self, share: Share, nonce: &str) -> Result<GenerateRootProgress> {
        let (config, _) = self.stored_seal()?.ok_or(ChangeError::Broken("the seal configuration is missing".into()))?;
        let mut generating = self.generating.lock().await;
        let attempt = self.current_attempt(&mut generating)?.ok_or_else(|| {
            let text = "no root generation in progress: none was started, or it was lost with the node that was active then; start one";
            CeremonyError::refused(text)
        })?;
        let Some(key) = attempt.collected.add(share, nonce, &config)? else {
            let status = attempt.status(config.threshold());
            return Ok(GenerateRootProgress { status, encoded_token: None, pending: None });
        };
        if !self.is_authorised(&key).await? {
            let text = "root generation aborted: the given shares do not combine to this cluster's key; all were thrown away, start over";
            return Err(CeremonyError::refused(text));
        }
        let (token, pending) = self.make_root_token()?;
        let encoded = match &attempt.encoding {
            Encoding::Otp(otp) => xor(token.expose(), otp),
            Encoding::Pgp(key) => {
                BASE64_STANDARD.encode(key.encrypt(token.expose().as_bytes()).map_err(CeremonyError::refused)?)
            }
        };
        let progress = usize::from(config.threshold());
        let status = GenerateRootStatus { progress, ..attempt.status(config.threshold()) };
        *generating = None;
        Ok(GenerateRootProgress { status, encoded_token: Some(encoded), pending: Some(pending) })
    }

    /// Makes the token count. If it fails, nobody has one: a token that may exist is known to nobody.
    pub async fn generate_root_finish(&self, new: NewRoot, deadline: Instant) -> Result<()> {
        self.carry(new.term, new.batch, deadline).await?;
        tracing::warn!("a root token was generated");
        Ok(())
    }

    fn make_root_token(&self) -> Result<(ClientToken, NewRoot)> {
        let term = self.leading()?;
        let broken = |e: &dyn std::fmt::Display| ChangeError::Broken(e.to_string());
        let snapshot = self.store.snapshot().map_err(|e| ChangeError::from(storage::Access::from(e)))?;
        let mut state = TxnState::new(snapshot, Latches::new().begin());
        let now = self.replication.now();
        let new = NewToken { initial_root: false, ..root_token() };
        let made = self.tokens.create(&mut state.at(space::records(&sdk::NamespaceId::root())), now, new);
        let made = made.map_err(|e| broken(&e))?;
        let (open, _latches) = state.finish();
        let id = RequestId { applied: self.store.applied(), random: crypto::random() };
        let batch = self.store.seal(id, now, open).map_err(|e| ChangeError::from(storage::Access::from(e)))?;
        Ok((made.token, NewRoot { term, batch }))
    }

    fn threshold(&self) -> Result<u8> {
        let stored = self.stored_seal()?.ok_or(ChangeError::Broken("the seal configuration is missing".into()))?;
        Ok(stored.0.threshold())
    }

    fn current_attempt<'a>(&self, generating: &'a mut Option<GenerateRoot>) -> Result<Option<&'a mut GenerateRoot>> {
        let term = self.leading()?;
        if generating.as_ref().is_some_and(|attempt| attempt.collected.term != term) {
            *generating = None;
        }
        Ok(generating.as_mut())
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
