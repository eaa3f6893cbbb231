//! What a recovery leaves in the log and in the state.

use serde::{Deserialize, Serialize};

use crate::consensus::{LogId, Member, NodeId};

/// A place in a log. One with a higher term goes further, whatever its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    pub term: u64,
    pub index: u64,
}

impl From<LogId> for At {
    fn from(id: LogId) -> Self {
        Self { term: id.leader_id.term, index: id.index }
    }
}

/// The first entry behind a recovered log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovered {
    /// Of the line of history that begins here.
    pub bits: u64,
    /// Where the recovered log ended.
    pub from: LogId,
    pub survivors: Vec<String>,
    /// Who was a member before, and is none any more.
    pub former: Vec<(NodeId, Member)>,
}

/// The newest recovery in the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The log index of the entry that says so.
    pub index: u64,
    pub recovered: Recovered,
}
