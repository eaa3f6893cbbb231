//! A new root token, when enough operators ask for it together.

use barrier::Share;
use storage::{Batch, Latches, RequestId, Term, TxnState};
use tokio::time::Instant;

use super::ceremony::CeremonyError;
use super::generation::{Encoding, Generation, GenerationStarted, GenerationStatus};
use super::init::root_token;
use super::{ChangeError, Node};
use crate::space;
use crate::token::{ClientToken, NewToken};

pub struct GenerateRootProgress {
    pub status: GenerationStatus,
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

impl Node {
    /// As long as a token is.
    pub fn otp_length() -> usize {
        ClientToken::random(&sdk::NamespaceId::root()).expose().len()
    }

    pub fn generate_root_status(&self) -> Result<GenerationStatus> {
        let required = self.threshold()?;
        let mut generating = self.generating.try_lock().map_err(|_| CeremonyError::Busy)?;
        Ok(match self.current_attempt(&mut generating)? {
            Some(attempt) => attempt.status(required),
            None => GenerationStatus { required, ..GenerationStatus::default() },
        })
    }

    pub async fn generate_root_start(&self, otp: &str, pgp_key: &str) -> Result<GenerationStarted> {
        let (encoding, made) = Encoding::asked(otp, pgp_key, Self::otp_length())?;
        let required = self.threshold()?;
        let mut generating = self.generating.lock().await;
        if self.current_attempt(&mut generating)?.is_some() {
            return Err(CeremonyError::refused("root generation already in progress"));
        }
        let attempt = generating.insert(Generation::begin(encoding, self.leading()?));
        tracing::info!(nonce = attempt.nonce(), "the generation of a root token has been started");
        Ok(GenerationStarted { status: attempt.status(required), otp: made })
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
        let Some(key) = attempt.add(share, nonce, &config)? else {
            let status = attempt.status(config.threshold());
            return Ok(GenerateRootProgress { status, encoded_token: None, pending: None });
        };
        if !self.is_authorised(&key).await? {
            let text = "root generation aborted: the given shares do not combine to this cluster's key; all were thrown away, start over";
            return Err(CeremonyError::refused(text));
        }
        let (token, pending) = self.make_root_token()?;
        let encoded = attempt.encode(&token)?;
        let progress = usize::from(config.threshold());
        let status = GenerationStatus { progress, ..attempt.status(config.threshold()) };
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

    pub(crate) fn threshold(&self) -> Result<u8> {
        let stored = self.stored_seal()?.ok_or(ChangeError::Broken("the seal configuration is missing".into()))?;
        Ok(stored.0.threshold())
    }

    /// One that was begun under another leadership is gone.
    pub(crate) fn current_attempt<'a>(
        &self,
        generating: &'a mut Option<Generation>,
    ) -> Result<Option<&'a mut Generation>> {
        let term = self.leading()?;
        if generating.as_ref().is_some_and(|attempt| !attempt.is_of(term)) {
            *generating = None;
        }
        Ok(generating.as_mut())
    }
}
