//! What a backup says of itself before its records. Nothing in it is secret.

use barrier::{RootKeyId, SealConfig, WrappedRoot};
use serde::{Deserialize, Serialize};
use storage::Revision;

use super::BackupError;

/// `meta.json`. Text forms are those of the API: revisions as `number-bits-n`, hashes and ids in hex.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Header {
    pub format: u64,
    /// The server's version that made it.
    pub version: String,
    /// When, in RFC 3339.
    pub created: String,
    pub cluster_name: String,
    pub cluster_id: String,
    /// Where the state stood in its history.
    pub revision: String,
    pub fingerprint: String,
    /// Names the root key that the state needs.
    pub root_key_id: String,
    /// What has to be given to unseal once the wraps of this backup count.
    pub seal: SealConfig,
    pub wraps: WrappedRoot,
}

impl Header {
    pub const FORMAT: u64 = 1;

    /// Another product's `meta.json` has no format of ours.
    pub fn parse(json: &[u8]) -> Result<Self, BackupError> {
        let no = |why: String| BackupError::NotOne(format!("its {} {why}", super::META));
        let any: serde_json::Value = serde_json::from_slice(json).map_err(|e| no(format!("is not JSON: {e}")))?;
        match any.get("format").and_then(serde_json::Value::as_u64) {
            Some(Self::FORMAT) => {}
            Some(other) => return Err(BackupError::Format(other)),
            None => return Err(no("names no format; snapshots of other servers cannot be restored here".into())),
        }
        let header: Self = serde_json::from_value(any).map_err(|e| no(format!("is not understood: {e}")))?;
        // A founded cluster has written something.
        if header.at()?.0.n == 0 || header.wraps.wraps.is_empty() {
            return Err(BackupError::Damaged("its header describes no initialised server".into()));
        }
        Ok(header)
    }

    /// Where the state stood: its revision and its fingerprint.
    pub fn at(&self) -> Result<(Revision, [u8; 32]), BackupError> {
        let bad = |what: &str| BackupError::Damaged(format!("its header has no valid {what}"));
        let revision = self.revision.parse().map_err(|_| bad("revision"))?;
        let mut fingerprint = [0; 32];
        hex::decode_to_slice(&self.fingerprint, &mut fingerprint).map_err(|_| bad("fingerprint"))?;
        Ok((revision, fingerprint))
    }

    pub fn needs(&self, root: RootKeyId) -> bool {
        self.root_key_id == root.to_string()
    }
}
