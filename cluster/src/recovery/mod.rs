//! Recovery: what is left of a cluster goes on without those that are gone for good.
//!
//! It is done to nodes that do not run. Each survivor's log gets two entries behind its end: one that begins a new line of
//! history and says what happened ([`Recovered`]), and a membership of the survivors alone. From there on consensus goes its
//! usual way among them: whoever has the furthest log is elected and brings the others up to date.
//!
//! ```text
//!   log of a survivor ──── … ── last ┊ recovered ── membership ┊ ── the new leader's first entry
//!                          term T    ┊ term T+1, a mark of the survivors' list
//! ```
//!
//! **Why nothing acknowledged is lost.** What a survivor knows to be committed is in every log that goes further than its
//! own. So the furthest survivor has it all, and its entries behind that count as committed too: nobody can tell that they
//! were not. The two entries have the term after the last one's, so they keep the survivors' order: of two recovered logs
//! the further one wins, and a survivor whose last term is higher gives no vote to one that was recovered from less. Who
//! wins, commits them; nothing is committed here. A node that is made to drop what it knows to be committed stops instead
//! ([`LogStore`](crate::log::LogStore)).
//!
//! **Why the entries are a function of the log's end and of the list.** Two survivors that end alike, recovered with the same
//! list, then hold the same entries; with different lists they hold entries that are known as different.
//!
//! **Those that are gone** are not members any more, and their keys are remembered as removed: one that comes back greets the
//! members that it knew, is told, and stays out of elections from then on. That helps while it reaches one of them. A
//! majority of the old members that reaches none could elect a leader of its own: their data has to be wiped first.

mod peers_file;
mod plan;
mod record;
mod stopped;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub(crate) use peers_file::consume;
pub use record::{At, Recovered, Recovery};
pub use stopped::Survey;

use crate::consensus::Vote;
use crate::identity::KeyFileError;
use crate::open;
use plan::Plan;
use stopped::Stopped;

/// A member that is left, as the operator names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survivor {
    pub name: String,
    /// Where its cluster port is reached, if that has changed.
    pub address: Option<String>,
    pub voter: bool,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The end of the log that was recovered.
    pub from: At,
    /// Entries that this node did not know to be committed, and that count as committed now.
    pub kept: u64,
    pub survivors: Vec<String>,
    /// Those of them that had no vote and get one.
    pub given_votes: Vec<String>,
    /// Members that are none any more.
    pub former: Vec<String>,
    /// It had been done before, with the same survivors.
    pub already: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    #[error("there is no node in {0}: name the folder that `path` of storage \"raft\" names")]
    NoNode(PathBuf),
    #[error("the data folder {0} is in use: stop the server first")]
    InUse(PathBuf),
    #[error("this node was removed from its cluster, and is no survivor of it")]
    Removed,
    #[error("this node belongs to no cluster: its log has no members")]
    NoMember,
    #[error("no member is named {name:?}; this node knows {known}")]
    Unknown { name: String, known: String },
    #[error("this node, {0:?}, is not among the survivors; recover a cluster at those that go on")]
    NotAmong(String),
    #[error("the survivor {0:?} is named twice")]
    Twice(String),
    #[error("no survivor has a vote; at least one must")]
    NoVoter,
    #[error(
        "{path} is not understood: {problem}; it must be [{{\"id\": NAME, \"address\": \"HOST:PORT\", \"non_voter\": false}}, …]"
    )]
    File { path: PathBuf, problem: String },
    #[error(transparent)]
    Key(#[from] KeyFileError),
    #[error(transparent)]
    Log(#[from] crate::log::OpenError),
    #[error("the data folder cannot be used: {0}")]
    Io(#[from] io::Error),
}

/// Where a node that does not run stands. Changes nothing. Blocks.
pub fn survey(data: &Path) -> Result<Survey, RecoverError> {
    let _lock = lock(data)?;
    Ok(Stopped::open(data)?.survey())
}

/// Makes the cluster one of these survivors, at one of them; it must not run. Blocks.
pub fn recover(data: &Path, survivors: &[Survivor]) -> Result<Report, RecoverError> {
    let _lock = lock(data)?;
    recover_locked(data, survivors)
}

/// What [`recover`] would do.
pub fn rehearse(data: &Path, survivors: &[Survivor]) -> Result<Report, RecoverError> {
    let _lock = lock(data)?;
    let stopped = Stopped::open(data)?;
    let plan = Plan::new(&stopped, survivors)?;
    Ok(report(&stopped, &plan, plan.is_done(&stopped)?))
}

fn recover_locked(data: &Path, survivors: &[Survivor]) -> Result<Report, RecoverError> {
    let stopped = Stopped::open(data)?;
    let plan = Plan::new(&stopped, survivors)?;
    let report = report(&stopped, &plan, plan.is_done(&stopped)?);
    if !report.already {
        let [first, second] = plan.entries();
        // Nobody leads in that term; a vote for it keeps the log's terms and the vote's in order.
        let vote = Vote { leader_id: first.log_id.leader_id, committed: false };
        stopped.log.append(stopped.applied, &[first, second], vote)?;
        tracing::warn!(
            survivors = ?report.survivors,
            former = ?report.former,
            kept = report.kept,
            "the cluster was recovered: from now on it is these survivors alone"
        );
    }
    // Whatever the others had: from now on it is this state that counts.
    match fs::remove_file(data.join(open::DIVERGED)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(report),
    }
}

fn report(stopped: &Stopped, plan: &Plan, already: bool) -> Report {
    let committed = stopped.committed().map_or(0, |id| id.index + 1);
    let (from, end) = if already { (plan.from, plan.from.index) } else { (plan.from, plan.from.index + 1) };
    let mut former: Vec<String> = plan.recovered.former.iter().map(|(_, member)| member.name.clone()).collect();
    former.sort_unstable();
    Report {
        from: from.into(),
        kept: end.saturating_sub(committed),
        survivors: plan.recovered.survivors.clone(),
        given_votes: plan.given_votes(stopped),
        former,
        already,
    }
}

fn lock(data: &Path) -> Result<std::fs::File, RecoverError> {
    if !Stopped::is_there(data) {
        return Err(RecoverError::NoNode(data.to_owned()));
    }
    match open::lock(data)? {
        Some(lock) => Ok(lock),
        None => Err(RecoverError::InUse(data.to_owned())),
    }
}

#[cfg(test)]
mod tests;
