//! What became of mounts that were moved: the latest moves, in one record.

use serde::{Deserialize, Serialize};
use storage::{Access, PathKey, Read, Txn};

/// How many moves are remembered.
const MOVES_MAX: usize = 100;

/// A mount that was moved. Moving is one batch, so one that is known has succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    pub id: String,
    /// Both as requests begin with them.
    pub from: String,
    pub to: String,
}

fn key() -> PathKey {
    PathKey::kind("mounts-moved")
}

/// Remembers a move and answers its id.
pub(super) fn note(txn: &mut Txn, from: String, to: String) -> Result<String, Access> {
    let id = uuid::Uuid::from_bytes(crypto::random()).to_string();
    let mut moves = txn.get_for_update::<Vec<Move>>(&key())?.unwrap_or_default();
    moves.truncate(MOVES_MAX - 1);
    moves.insert(0, Move { id: id.clone(), from, to });
    txn.put(&key(), &moves)?;
    Ok(id)
}

pub(super) fn find(read: &impl Read, id: &str) -> Result<Option<Move>, Access> {
    let moves = read.get::<Vec<Move>>(&key())?.unwrap_or_default();
    Ok(moves.into_iter().find(|moved| moved.id == id))
}
