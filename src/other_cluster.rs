//! The other cluster as core wants to see it: fills in [`Link`] with a [`cluster::Node`].

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cluster::Node;
use cluster::dr::{self, DrChange, DrRole};
use holdfast_core::dr::{
    Change, CopyState, Difference, DrError, Enrolled, Enrolment, FullHash, Link, PrimaryProgress, Secondary,
    SecondaryLag, SecondaryProgress, Standing,
};
use holdfast_core::replication::Member;
use storage::StoreError;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::replication::{to_cluster, to_core};

pub struct OtherCluster {
    node: Arc<Node>,
    standing: watch::Receiver<Standing>,
}

impl OtherCluster {
    pub fn new(node: Arc<Node>) -> Self {
        let mut known = node.standing();
        let (tell, standing) = watch::channel(standing_of(&known.borrow_and_update().role));
        tokio::spawn(async move {
            while known.changed().await.is_ok() {
                tell.send_replace(standing_of(&known.borrow_and_update().role));
            }
        });
        Self { node, standing }
    }
}

fn all(members: &[(u64, cluster::Member)]) -> Vec<Member> {
    members.iter().map(|(id, member)| to_core(*id, member)).collect()
}

fn standing_of(role: &DrRole) -> Standing {
    let secondary = |secondary: &dr::Secondary| Secondary {
        id: secondary.id.clone(),
        enrolment: match &secondary.enrolment {
            dr::Enrolment::Invited { expires, .. } => Enrolment::Invited { expires: *expires },
            dr::Enrolment::Enrolled { members, .. } => Enrolment::Enrolled { members: all(members) },
        },
    };
    match role {
        DrRole::Alone => Standing::Alone,
        DrRole::Primary { secondaries } => {
            Standing::Primary { secondaries: secondaries.iter().map(secondary).collect() }
        }
        DrRole::Secondary(source) => {
            Standing::Secondary { id: source.id.clone(), primary: all(&source.primary), fenced: source.fenced }
        }
    }
}

fn change_of(change: Change) -> DrChange {
    match change {
        Change::EnablePrimary => DrChange::EnablePrimary,
        Change::DisablePrimary => DrChange::DisablePrimary,
        Change::Demote => DrChange::Demote,
        Change::Invite { id, secret_sha256, expires } => DrChange::Invite { id, secret: secret_sha256, expires },
        Change::Revoke { id } => DrChange::Revoke { id },
        Change::Follow { id, primary, reign, adopted } => DrChange::Follow {
            id,
            reign,
            primary: primary.into_iter().map(to_cluster).collect(),
            adopted: adopted.map(|adopted| dr::Adopted { puts: adopted.puts, prefix_deletes: adopted.prefix_deletes }),
        },
        Change::Readdress { addresses } => DrChange::Readdress { addresses },
        Change::Promote { force } => DrChange::Promote { force },
        Change::Leave => DrChange::Leave,
    }
}

fn error_of(error: dr::DrError) -> DrError {
    match error {
        dr::DrError::Refused(why) => DrError::Refused(why),
        dr::DrError::Unavailable(why) => DrError::Unavailable(why),
        dr::DrError::Unknown(why) => DrError::Unknown(why),
    }
}

fn state_of(state: dr::CopyState) -> CopyState {
    match state {
        dr::CopyState::Idle => CopyState::Idle,
        dr::CopyState::Copying => CopyState::Copying,
        dr::CopyState::Comparing => CopyState::Comparing,
        dr::CopyState::Merging => CopyState::Merging,
        dr::CopyState::Following => CopyState::Following,
    }
}

fn lag_of(lag: dr::SecondaryLag) -> SecondaryLag {
    SecondaryLag {
        id: lag.id,
        asking: lag.asking.map(|(id, member)| to_core(id, &member)),
        last_contact: lag.last_contact,
        clock_skew_ms: lag.clock_skew,
        acknowledged: lag.acknowledged,
        behind: lag.behind,
        lag: lag.lag,
    }
}

#[async_trait]
impl Link for OtherCluster {
    fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.clone()
    }

    fn secondary_progress(&self) -> Option<SecondaryProgress> {
        let progress = self.node.secondary_progress()?;
        let revision = self.node.fingerprint().0;
        Some(SecondaryProgress {
            state: state_of(progress.state),
            revision,
            behind: progress.behind(revision),
            lag: progress.lag(revision),
            primary_revision: progress.primary_revision,
            answering: progress.answering.as_ref().map(|(id, member)| to_core(*id, member)),
            last_contact: progress.answered.map(|at| at.elapsed()),
            clock_skew_ms: progress.clock_skew,
            since: progress.since,
            last_difference: progress.last_difference.map(|difference| Difference {
                at: difference.at,
                reason: difference.reason,
                fetched: difference.fetched,
                removed: difference.removed,
            }),
            problem: progress.problem,
        })
    }

    fn primary_progress(&self) -> Option<PrimaryProgress> {
        let dr::PrimaryProgress { revision, feed_bytes, secondaries } = self.node.primary_progress()?;
        Some(PrimaryProgress { revision, feed_bytes, secondaries: secondaries.into_iter().map(lag_of).collect() })
    }

    async fn change(&self, change: Change, deadline: Instant) -> Result<(), DrError> {
        self.node.change_standing(change_of(change), deadline).await.map_err(error_of)
    }

    async fn full_hash(&self) -> Result<FullHash, StoreError> {
        let cluster::FullHash { revision, fingerprint, sha256, records } = self.node.full_hash().await?;
        Ok(FullHash { revision, fingerprint, sha256, records })
    }

    async fn enroll(
        &self,
        primary: &[Member],
        secret: [u8; 32],
        question: Bytes,
        deadline: Instant,
    ) -> Result<Enrolled, DrError> {
        let primary: Vec<_> = primary.iter().cloned().map(to_cluster).collect();
        let enrolled = self.node.enroll(&primary, secret, question, deadline).await.map_err(error_of)?;
        let dr::Enrolled { id, by, primary, reign, welcome } = enrolled;
        Ok(Enrolled { id, by, primary: all(&primary), reign, welcome })
    }
}
