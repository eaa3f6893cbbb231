//! How fresh an answer has to be, and where the client wants it from.
//!
//! Reads are never stale unless a client asks for less. An index names a state: writes answer with theirs, and a client
//! that sends it back gets an answer from that state or a later one. Its form on the wire is that of Vault's
//! `X-Vault-Index`: base64 of `v1:<cluster id>:<n>:<epoch>:<hex of an HMAC>`.

use base64::prelude::{BASE64_STANDARD, Engine};
use serde::{Deserialize, Serialize};
use storage::Revision;

use crate::lifecycle::Node;
use crate::response::Response;

/// What a request says about it. By default, nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consistency {
    /// States that the answer must not be older than.
    pub indexes: Vec<String>,
    pub missing: Missing,
    /// This node's own state will do, as it is.
    pub stale: bool,
    pub forwarding: Forwarding,
}

/// What to do where a state that a stale read asks for is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Missing {
    /// 412
    #[default]
    Fail,
    /// Read what is newest, which holds it if anything does.
    ReadNewest,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Forwarding {
    /// What this node cannot do goes to the active one.
    #[default]
    AsNeeded,
    /// Everything goes to the active node.
    Always,
    /// What would go there is redirected instead, to this path and query.
    Never { target: String },
}

/// That a text is no index of this cluster.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IndexError {
    #[error("X-Vault-Index is not an index that this server has given out: send it back as it came")]
    Malformed,
    #[error("X-Vault-Index is of another cluster, or of another history of this one")]
    Foreign,
}

/// The most indexes one request may bring.
pub const INDEXES_MAX: usize = 8;

impl Consistency {
    /// Whether the answer should say which state it is of.
    pub fn wants_index(&self) -> bool {
        self.stale || !self.indexes.is_empty()
    }
}

impl Node {
    /// The index of a state. None once the node is sealed.
    pub fn index_of(&self, state: Revision) -> Option<String> {
        let cluster = self.cluster_info()?.id;
        let mac = self.index_mac(state)?;
        Some(BASE64_STANDARD.encode(format!("v1:{cluster}:{}:{}:{mac}", state.n, state.epoch.number)))
    }

    /// The answer, saying which state it is of.
    pub(crate) fn with_index(&self, mut response: Response, state: Revision) -> Response {
        if let Some(index) = self.index_of(state) {
            response.headers.insert("x-vault-index".into(), index);
        }
        response
    }

    /// Whether this node's state holds what was asked for. `newest`: nobody has a later one.
    pub fn holds(&self, consistency: &Consistency, newest: bool) -> Result<bool, IndexError> {
        if consistency.indexes.is_empty() {
            return Ok(true);
        }
        let Ok(snapshot) = self.store.snapshot() else { return Ok(false) };
        let state = snapshot.state_revision();
        consistency.indexes.iter().try_fold(true, |all, index| Ok(all && self.reaches(state, newest, index)?))
    }

    fn reaches(&self, state: Revision, newest: bool, index: &str) -> Result<bool, IndexError> {
        let text = BASE64_STANDARD.decode(index).map_err(|_| IndexError::Malformed)?;
        let text = String::from_utf8(text).map_err(|_| IndexError::Malformed)?;
        let parts: Vec<&str> = text.split(':').collect();
        let ["v1", cluster, n, epoch, mac] = parts[..] else { return Err(IndexError::Malformed) };
        let (n, epoch) =
            (n.parse().map_err(|_| IndexError::Malformed)?, epoch.parse().map_err(|_| IndexError::Malformed)?);
        if self.cluster_info().is_some_and(|own| own.id != cluster) {
            return Err(IndexError::Foreign);
        }
        if state.epoch.number != epoch {
            // A later line of history holds what is left of an earlier one. Numbers mostly tell which is the later; but a copy
            // has gone over to another cluster's, whatever its number.
            return Ok(newest || state.epoch.number > epoch);
        }
        let named = Revision { epoch: state.epoch, n };
        match self.index_mac(named) {
            Some(own) if own == mac => Ok(state.n >= n),
            Some(_) => Err(IndexError::Foreign),
            None => Ok(false),
        }
    }

    /// Binds an index to its line of history, whose number another may have too.
    fn index_mac(&self, state: Revision) -> Option<String> {
        let mut data = b"X-Vault-Index ".to_vec();
        data.extend_from_slice(&state.to_bytes());
        self.barrier.audit_hmac(&data).ok().map(hex::encode)
    }
}
