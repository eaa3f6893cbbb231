//! Batch tokens: a record sealed into the token itself. Making one writes nothing, and checking one reads nothing of its
//! own; it ends with its time, its parent, or the mount it came from.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use storage::Access;

use super::id::with_home;
use super::{ClientToken, TokenRecord, Tokens};

const PREFIX: &str = "b.";
const LABEL: &str = "batch token";

impl ClientToken {
    pub fn is_batch(&self) -> bool {
        self.expose().starts_with(PREFIX)
    }
}

impl Tokens {
    pub(super) fn seal_batch(&self, record: &TokenRecord) -> Result<ClientToken, Access> {
        let plain = serde_json::to_vec(record).map_err(|e| Access::Broken(e.to_string()))?;
        let sealed = self.barrier.seal_message(LABEL, &[], &plain).map_err(|_| Access::Sealed)?;
        let text = format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(sealed));
        Ok(ClientToken::new(with_home(text, &record.home.id)))
    }

    /// `None`: nothing that this cluster has made.
    pub(super) fn open_batch(&self, token: &ClientToken) -> Result<Option<TokenRecord>, Access> {
        let text = token.expose().strip_prefix(PREFIX).unwrap_or_default();
        let text = text.split_once('.').map_or(text, |(sealed, _)| sealed);
        let Ok(sealed) = BASE64_URL_SAFE_NO_PAD.decode(text) else { return Ok(None) };
        match self.barrier.open_message(LABEL, &[], &sealed) {
            Ok(plain) => Ok(serde_json::from_slice(&plain).ok()),
            Err(storage::SealError::Sealed) => Err(Access::Sealed),
            Err(_) => Ok(None),
        }
    }
}
