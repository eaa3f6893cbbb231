//! Changing how this cluster stands to others, on its leader.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proto::cluster as pb;
use proto::cluster::refused::Kind;
use storage::Millis;
use tokio::time::{Instant, sleep, timeout_at};

use super::{Adopted, CopyState, DrRole, Enrolment, Following, Secondary, Source, Stand, Standing};
use crate::consensus::{Applied, Command, Member, NodeId};
use crate::handover::Gate;
use crate::identity::node_id;
use crate::load::{LoadError, Loads};
use crate::network::{Lane, member_in};
use crate::propose::{ProposeError, propose};
use crate::shared::Shared;

/// What can be asked of a standing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DrChange {
    EnablePrimary,
    DisablePrimary,
    Demote,
    Invite { id: String, secret: [u8; 32], expires: Millis },
    Revoke { id: String },
    Follow { id: String, primary: Vec<(NodeId, Member)>, reign: u64, adopted: Option<Adopted> },
    Readdress { addresses: Vec<String> },
    Promote { force: bool },
    Leave,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DrError {
    /// Nothing has changed.
    #[error("{0}")]
    Refused(String),
    /// It cannot be now; nothing has changed.
    #[error("{0}")]
    Unavailable(String),
    #[error("{0}")]
    Unknown(String),
}

/// A primary's answer to the secret of an activation token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    pub id: String,
    pub by: NodeId,
    pub primary: Vec<(NodeId, Member)>,
    /// In which it is the primary.
    pub reign: u64,
    pub welcome: Bytes,
}

pub(crate) struct Stands {
    pub shared: Arc<Shared>,
    pub gate: Arc<Gate>,
    pub loads: Arc<Loads>,
    pub following: Arc<Following>,
}

/// What a former primary is called by the cluster that took its place.
const FORMER_PRIMARY: &str = "former-primary";
/// Secondaries that one primary may have, invited ones included.
const SECONDARIES: usize = 32;
/// Another change may come between reading a standing and writing it.
const TRIES: usize = 5;

impl Stands {
    pub async fn change(&self, change: DrChange, deadline: Instant) -> Result<(), DrError> {
        if let DrChange::Promote { force } = change {
            self.may_be_promoted(force, deadline).await?;
        }
        for _ in 0..TRIES {
            let seen = self.shared.reader.standing().borrow().clone();
            let next = after(&seen, &change, self.shared.now()).map_err(DrError::Refused)?;
            let Next { role, reign, begins } = next;
            let epoch = begins.then(|| u64::from_be_bytes(crypto::random()));
            let stand = Stand { seen: seen.version, role, reign, epoch };
            if self.propose(stand).await? {
                return Ok(());
            }
            self.loads.bring_to_its_end().await.map_err(unavailable)?;
        }
        Err(DrError::Unavailable("how this cluster stands to others is being changed; try again".to_owned()))
    }

    /// Whether it took the place of the standing that was seen.
    pub async fn propose(&self, stand: Stand) -> Result<bool, DrError> {
        let leadership = self.shared.leadership.borrow().clone();
        if !leadership.leads() {
            return Err(DrError::Unavailable(NOT_LEADER.to_owned()));
        }
        match propose(&self.shared, &self.gate, leadership.term, Command::Stand(Arc::new(stand))).await {
            Ok(Applied::Stood(stood)) => Ok(stood),
            Ok(_) | Err(ProposeError::Unknown) => Err(DrError::Unknown(UNKNOWN.to_owned())),
            Err(ProposeError::NotActive) => Err(DrError::Unavailable(NOT_LEADER.to_owned())),
            Err(ProposeError::Unavailable(why)) => Err(DrError::Unavailable(why.to_owned())),
        }
    }

    /// A copy that is about to be complete is waited for, within bounds; one that is not is only promoted by force.
    async fn may_be_promoted(&self, force: bool, deadline: Instant) -> Result<(), DrError> {
        // All of it is here, so that it ends does not depend on the primary.
        self.loads.bring_to_its_end().await.map_err(unavailable)?;
        let until = deadline.min(Instant::now() + SETTLES);
        if force {
            return Ok(());
        }
        loop {
            let own = self.shared.reader.position().borrow().revision;
            let progress = self.following.progress();
            let missing = match progress.state {
                // After a whole round among the primary's members, not before the first.
                CopyState::Idle if progress.problem.is_some() || self.has_no_primary() => return Ok(()),
                CopyState::Idle => "the primary has not been asked yet",
                CopyState::Following if progress.behind(own) == Some(0) => return Ok(()),
                CopyState::Following => "changes of the primary are still on their way",
                CopyState::Copying | CopyState::Comparing | CopyState::Merging => "the copy is being brought in step",
            };
            if Instant::now() >= until {
                let text = format!("{missing}; wait for that, or promote with force=true and lose them");
                return Err(DrError::Unavailable(text));
            }
            sleep(LOOK).await;
        }
    }

    fn has_no_primary(&self) -> bool {
        self.shared.reader.standing().borrow().source().is_none_or(|source| source.primary.is_empty())
    }

    /// Shows the secret to the primary's leader.
    pub async fn enroll(
        &self,
        primary: &[(NodeId, Member)],
        secret: [u8; 32],
        question: Bytes,
        deadline: Instant,
    ) -> Result<Enrolled, DrError> {
        let mut refusals = Vec::new();
        let request = pb::EnrollRequest {
            secret: secret.to_vec().into(),
            members: self.shared.members_out(),
            from: self.shared.id,
            question,
        };
        for (id, member) in primary {
            let link = self.shared.abroad.link(*id, member).map_err(unavailable)?;
            let until = deadline.min(Instant::now() + ONE);
            let answer = match timeout_at(until, link.replica(Lane::Control).enroll(request.clone())).await {
                Err(_) => Err("it does not answer".to_owned()),
                Ok(Err(status)) => Err(self.shared.abroad.failed(&link, &status).to_string()),
                Ok(Ok(answer)) => Ok(answer.into_inner()),
            };
            match answer {
                Ok(pb::EnrollAnswer { refused: None, id, by, members, welcome, reign }) => {
                    let primary = related(members).map_err(DrError::Unavailable)?;
                    return Ok(Enrolled { id, by, primary, reign, welcome });
                }
                Ok(pb::EnrollAnswer { refused: Some(refused), .. }) if refused.kind() == Kind::NotLeader => {
                    refusals.push(format!("{} does not lead", member.name));
                }
                Ok(pb::EnrollAnswer { refused: Some(refused), .. }) => {
                    let reason: String = refused.reason.chars().take(REASON_MAX).collect();
                    return Err(DrError::Refused(format!("the primary refused: {reason}")));
                }
                Err(why) => refusals.push(format!("{}: {why}", member.name)),
            }
        }
        Err(DrError::Unavailable(format!("no leader of the primary was reached: {}", refusals.join("; "))))
    }
}

/// The members of another cluster as it says them.
pub(super) fn related(said: Vec<pb::Member>) -> Result<Vec<(NodeId, Member)>, String> {
    let known: Result<Vec<_>, _> = said.into_iter().map(member_in).collect();
    let known = known.map_err(|error| error.to_string())?;
    let short = |member: &Member| {
        [&member.name, &member.address, &member.api_address].iter().all(|text| text.len() <= TEXT_MAX)
    };
    match known.iter().all(|(id, member)| *id == node_id(&member.key) && short(member)) {
        true if !known.is_empty() && known.len() <= MEMBERS => Ok(known),
        _ => Err("the list of the other cluster's members is malformed".to_owned()),
    }
}

/// What a change leads to.
#[derive(Debug)]
struct Next {
    role: DrRole,
    reign: u64,
    /// Whether a line of history begins.
    begins: bool,
}

/// What a change leads to, or why it does not.
fn after(standing: &Standing, change: &DrChange, now: Millis) -> Result<Next, String> {
    let reign = standing.reign;
    let next = |role| Ok(Next { role, reign, begins: false });
    let no = |text: &str| Err(text.to_owned());
    match (&standing.role, change) {
        (DrRole::Alone, DrChange::EnablePrimary) => {
            Ok(Next { role: DrRole::Primary { secondaries: Vec::new() }, reign: reign + 1, begins: false })
        }
        (DrRole::Primary { .. }, DrChange::EnablePrimary) => no("this cluster is a DR primary already"),
        (DrRole::Primary { .. }, DrChange::DisablePrimary) => next(DrRole::Alone),
        (DrRole::Primary { secondaries }, DrChange::Demote) => {
            let heirs = secondaries.iter().filter(|secondary| secondary.is_enrolled()).cloned().collect();
            next(DrRole::Secondary(Source { heirs, ..Source::default() }))
        }
        (DrRole::Primary { secondaries }, DrChange::Invite { id, secret, expires }) => {
            let mut secondaries = secondaries.clone();
            if secondaries.iter().any(|known| known.id == *id && known.is_enrolled()) {
                return no(
                    "there is a secondary of that id already; choose another one, or revoke that secondary first",
                );
            }
            // A token that was not used in time leaves nothing, and one of the same id is replaced.
            let stale = |known: &Secondary| match known.enrolment {
                Enrolment::Invited { expires, .. } => known.id == *id || expires <= now,
                Enrolment::Enrolled { .. } => false,
            };
            secondaries.retain(|known| !stale(known));
            if secondaries.len() >= SECONDARIES {
                return Err(format!("a primary has {SECONDARIES} secondaries at most; revoke one first"));
            }
            let enrolment = Enrolment::Invited { secret: *secret, expires: *expires };
            secondaries.push(Secondary { id: id.clone(), enrolment });
            next(DrRole::Primary { secondaries })
        }
        (DrRole::Primary { secondaries }, DrChange::Revoke { id }) => {
            let left: Vec<Secondary> = secondaries.iter().filter(|known| known.id != *id).cloned().collect();
            match left.len() < secondaries.len() {
                true => next(DrRole::Primary { secondaries: left }),
                false => Err(format!("there is no secondary of that id; there are {}", names(secondaries))),
            }
        }
        (
            _,
            DrChange::EnablePrimary
            | DrChange::DisablePrimary
            | DrChange::Demote
            | DrChange::Invite { .. }
            | DrChange::Revoke { .. },
        ) => no("this cluster is not a DR primary"),
        (DrRole::Primary { .. }, DrChange::Follow { .. }) => {
            no("this cluster is a DR primary; disable or demote it before it follows another one")
        }
        (DrRole::Alone, DrChange::Follow { adopted: None, .. }) => {
            no("what a cluster of its own keeps for itself has to be written anew when it becomes a secondary")
        }
        (role, DrChange::Follow { id, primary, reign: theirs, adopted }) => {
            // A secondary that has a primary's history goes on from there; one that has not, adopts.
            let before = match role {
                DrRole::Secondary(source) => source.adopting.clone(),
                _ => None,
            };
            let adopting = adopted.clone().or(before);
            let told = primary.clone();
            let source = Source { id: id.clone(), primary: primary.clone(), told, adopting, ..Source::default() };
            Ok(Next { role: DrRole::Secondary(source), reign: reign.max(*theirs), begins: false })
        }
        (DrRole::Secondary(source), DrChange::Readdress { addresses }) => {
            let known = &source.primary;
            if known.is_empty() {
                return no("this secondary has no primary to be reached elsewhere; give it a token");
            }
            if addresses.len() != known.len() {
                let names: Vec<&str> = known.iter().map(|(_, member)| member.name.as_str()).collect();
                return Err(format!(
                    "give one cluster address for each member of the primary, for {} in this order",
                    names.join(", ")
                ));
            }
            let elsewhere = |((id, member), address): (&(NodeId, Member), &String)| {
                (*id, Member { address: address.clone(), ..member.clone() })
            };
            let primary = known.iter().zip(addresses).map(elsewhere).collect();
            next(DrRole::Secondary(Source { primary, ..source.clone() }))
        }
        (DrRole::Secondary(source), DrChange::Promote { .. }) => {
            if source.adopting.is_some() {
                return no("the first copy of the primary is not complete: there is nothing whole to serve");
            }
            let enrolled = Enrolment::Enrolled { members: source.primary.clone(), shown: None };
            let former = Secondary { id: FORMER_PRIMARY.to_owned(), enrolment: enrolled };
            // One that was demoted goes on with those that followed it.
            let secondaries = if source.primary.is_empty() { source.heirs.clone() } else { vec![former] };
            Ok(Next { role: DrRole::Primary { secondaries }, reign: reign + 1, begins: true })
        }
        (DrRole::Secondary(_), DrChange::Leave) => Ok(Next { role: DrRole::Alone, reign, begins: true }),
        (_, DrChange::Readdress { .. } | DrChange::Promote { .. } | DrChange::Leave) => {
            no("this cluster is not a DR secondary")
        }
    }
}

fn names(secondaries: &[Secondary]) -> String {
    match secondaries {
        [] => "none".to_owned(),
        some => some.iter().map(|secondary| secondary.id.as_str()).collect::<Vec<_>>().join(", "),
    }
}

fn unavailable(error: impl std::fmt::Display) -> DrError {
    DrError::Unavailable(error.to_string())
}

impl From<LoadError> for DrError {
    fn from(error: LoadError) -> Self {
        unavailable(error)
    }
}

const NOT_LEADER: &str = "this node does not lead";
const UNKNOWN: &str = "it is unknown whether the change was carried out; look at the status";
/// For how long a promotion waits for what is on its way.
const SETTLES: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);
/// How long one member of the primary may take to answer.
const ONE: Duration = Duration::from_secs(15);
/// Of another cluster so many members are taken, their texts so long, and so much of a refusal.
const MEMBERS: usize = 64;
const TEXT_MAX: usize = 1024;
const REASON_MAX: usize = 300;

#[cfg(test)]
mod tests;
