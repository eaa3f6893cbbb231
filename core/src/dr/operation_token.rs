//! The operation token: what a secondary's operators act with, since it accepts no other. Enough of the primary's shares make
//! one, which counts until it is deleted; or it was made before the disaster, as an orphan batch token of the primary whose
//! policies allow the very path.

use barrier::Share;
use serde::{Deserialize, Serialize};
use storage::{Access, PathKey, Read, Term, View};
use tokio::time::Instant;

use crate::change::change;
use crate::letters;
use crate::lifecycle::generation::{Encoding, Generation};
use crate::lifecycle::{CeremonyError, ChangeError, GenerationStarted, GenerationStatus, Node};
use crate::space;
use crate::token::{ClientToken, TokenKey};

/// What is stored of one.
#[derive(Serialize, Deserialize)]
struct Kept {
    key: TokenKey,
}

pub struct OperationTokenProgress {
    pub status: GenerationStatus,
    /// The token, encoded or encrypted, in base64.
    pub encoded_token: Option<String>,
    /// It counts once this has been carried out.
    pub pending: Option<OperationToken>,
}

/// A token that is about to count.
pub struct OperationToken {
    term: Term,
    key: TokenKey,
}

type Result<T> = std::result::Result<T, CeremonyError>;

const PREFIX: &str = "dr.";
const LETTERS: usize = 24;

impl Node {
    pub fn operation_token_length() -> usize {
        PREFIX.len() + LETTERS
    }

    pub fn operation_token_status(&self) -> Result<GenerationStatus> {
        let required = self.threshold()?;
        let mut operating = self.operating.try_lock().map_err(|_| CeremonyError::Busy)?;
        Ok(match self.current_attempt(&mut operating)? {
            Some(attempt) => attempt.status(required),
            None => GenerationStatus { required, ..GenerationStatus::default() },
        })
    }

    pub async fn operation_token_start(&self, otp: &str, pgp_key: &str) -> Result<GenerationStarted> {
        let (encoding, made) = Encoding::asked(otp, pgp_key, Self::operation_token_length())?;
        let required = self.threshold()?;
        if required == 0 {
            let text = "the primary has no unseal or recovery keys: act with a batch token of it that was made before";
            return Err(CeremonyError::refused(text));
        }
        let mut operating = self.operating.lock().await;
        if self.current_attempt(&mut operating)?.is_some() {
            return Err(CeremonyError::refused("the generation of an operation token is already in progress"));
        }
        let attempt = operating.insert(Generation::begin(encoding, self.leading()?));
        tracing::info!(nonce = attempt.nonce(), "the generation of a DR operation token has been started");
        Ok(GenerationStarted { status: attempt.status(required), otp: made })
    }

    /// Nothing to cancel is no mistake. Anybody may ask, so an attempt that is under way is named by its nonce.
    pub async fn operation_token_cancel(&self, nonce: &str) -> Result<()> {
        let mut operating = self.operating.lock().await;
        match self.current_attempt(&mut operating)? {
            Some(attempt) if !attempt.may_be_cancelled_by(nonce) => {
                let text =
                    "an attempt is cancelled by its nonce, which its start has answered; without it, ten minutes later";
                Err(CeremonyError::refused(text))
            }
            _ => {
                *operating = None;
                Ok(())
            }
        }
    }

    /// Takes a share. The last one makes the token.
    pub async fn operation_token_update(&self, share: Share, nonce: &str) -> Result<OperationTokenProgress> {
        let (config, _) = self.stored_seal()?.ok_or(ChangeError::Broken("the seal configuration is missing".into()))?;
        let mut operating = self.operating.lock().await;
        let attempt = self.current_attempt(&mut operating)?.ok_or_else(|| {
            let text = "no generation of an operation token is in progress: none was started, or it was lost with the node that \
                        was active then; start one";
            CeremonyError::refused(text)
        })?;
        let Some(key) = attempt.add(share, nonce, &config)? else {
            let status = attempt.status(config.threshold());
            return Ok(OperationTokenProgress { status, encoded_token: None, pending: None });
        };
        if !self.is_authorised(&key).await? {
            let text = "the given shares do not combine to the primary's key; all were thrown away, start over";
            return Err(CeremonyError::refused(text));
        }
        let token = ClientToken::new(format!("{PREFIX}{}", letters::random(LETTERS)));
        let encoded = attempt.encode(&token)?;
        let pending = OperationToken { term: self.leading()?, key: self.key_of(&token)? };
        let progress = usize::from(config.threshold());
        let status = GenerationStatus { progress, ..attempt.status(config.threshold()) };
        *operating = None;
        Ok(OperationTokenProgress { status, encoded_token: Some(encoded), pending: Some(pending) })
    }

    /// Makes the token count, in the place of one from before.
    pub async fn operation_token_finish(&self, new: OperationToken, _deadline: Instant) -> Result<()> {
        let kept = Kept { key: new.key };
        let done = change(self, self.replication.now(), new.term, |state| state.at(space::dr()).put(&record(), &kept));
        done.await.map_err(|problem| ChangeError::Unavailable(problem.to_string()))?;
        tracing::warn!("a DR operation token was generated");
        Ok(())
    }

    /// From then on it counts no more.
    pub async fn operation_token_delete(&self) -> Result<()> {
        let term = self.leading()?;
        let done = change(self, self.replication.now(), term, |state| {
            state.at(space::dr()).delete(&record());
            Ok(())
        });
        done.await.map_err(|problem| ChangeError::Unavailable(problem.to_string()))?;
        Ok(())
    }

    /// Whether it is the one that the shares have made.
    pub(crate) fn is_operation_token(&self, view: &View, token: &ClientToken) -> std::result::Result<bool, Access> {
        let kept: Option<Kept> = match view.elsewhere(space::dr()).get(&record()) {
            Ok(kept) => kept,
            // Of a keyring that is gone: it counts no more.
            Err(Access::Broken(_)) => None,
            Err(problem) => return Err(problem),
        };
        let given = self.tokens.key_of(token)?;
        Ok(kept.is_some_and(|kept| crypto::ct_eq(kept.key.as_str().as_bytes(), given.as_str().as_bytes())))
    }

    fn key_of(&self, token: &ClientToken) -> Result<TokenKey> {
        Ok(self.tokens.key_of(token).map_err(ChangeError::from)?)
    }
}

fn record() -> PathKey {
    PathKey::kind("operation-token")
}
