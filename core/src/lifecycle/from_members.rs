//! Unseal once: a node that was started anew is unsealed by a member that is unsealed, if both are configured so.
//!
//! It trades one thing for another: shares are needed only when all nodes are down, and whoever steals a node's disk together with
//! its place in the network has its key to ask with, until the node is removed. So it is off unless the configuration says
//! otherwise, on both sides; the member that is asked makes sure that it knows the present members, and writes an audit entry
//! before it answers.
//!
//! It happens once: a node that is sealed by request later stays sealed until shares are given or it is started anew.

use std::sync::Arc;
use std::time::Duration;

use barrier::{Between, Borrower};
use bytes::Bytes;
use sdk::{Map, Value};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::Node;
use super::tenant_holders::HELD;
use super::tenant_keys::QUESTION;

/// How often a node that has no state yet looks for it.
const LOOK: Duration = Duration::from_millis(200);
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_LAST: Duration = Duration::from_secs(5);
/// How long the one that is asked may take to make sure who is a member.
const READ_MAX: Duration = Duration::from_secs(3);

impl Node {
    /// Asks until the node is unsealed, by this or by shares, or out of its cluster, or until it stops.
    pub async fn unseal_from_members(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        if !self.from_members {
            return;
        }
        let (mut retry, mut said) = (RETRY_FIRST, String::new());
        let sealings = self.sealings();
        while self.is_sealed() && self.sealings() == sealings && self.out().is_none() {
            let mut pause = LOOK;
            if self.has_state() {
                match self.borrow_root(sealings).await {
                    Ok(member) => {
                        tracing::info!(member, "the node was unsealed by a member of the cluster");
                        return;
                    }
                    Err(problem) => {
                        // What has been said is not said again.
                        if said != problem {
                            tracing::warn!(problem, "no member has unsealed this node yet; it goes on asking");
                            said = problem;
                        }
                        pause = retry;
                        retry = (retry * 2).min(RETRY_LAST);
                    }
                }
            }
            if timeout(pause, stop.wait_for(|stop| *stop)).await.is_ok() {
                return;
            }
        }
    }

    /// Answers who gave it.
    async fn borrow_root(&self, sealings: u64) -> Result<String, String> {
        let borrower = Borrower::new();
        let asked = self.replication.ask_to_unseal(Bytes::from(borrower.question())).await;
        let by = asked.map_err(|problem| problem.to_string())?;
        let between = Between { borrower: self.replication.joining().id, lender: by.id };
        let root =
            borrower.open(&by.answer, between).map_err(|_| format!("the answer of {} does not open", by.name))?;
        self.open_with(root, sealings).map_err(|problem| problem.to_string())?;
        Ok(by.name)
    }

    /// The root key, or that of a namespace, sealed to the question of a member. The error is for that member to read.
    pub async fn lend(&self, from: u64, question: &[u8]) -> Result<Vec<u8>, String> {
        match question.first() {
            Some(&QUESTION) => return self.lend_tenant(from, question).await,
            Some(&HELD) => return self.hear_held(from, question),
            _ => {}
        }
        if !self.from_members {
            return Err("it is not configured to unseal members".to_owned());
        }
        if self.is_sealed() {
            return Err("it is sealed itself".to_owned());
        }
        // One that is cut off does not know who was removed since.
        let now =
            self.replication.read_point(Instant::now() + READ_MAX).await.map_err(|problem| problem.to_string())?;
        let members = self.replication.members();
        let member = members.iter().find(|status| status.member.id == from);
        let name = member.map(|status| status.member.name.clone()).ok_or("the node that asks is no member")?;
        let own = self.replication.joining().id;
        let answer = self.barrier.lend(question, Between { borrower: from, lender: own });
        let answer = answer.map_err(|problem| problem.to_string())?;
        let snapshot = self.store.snapshot().map_err(|problem| problem.to_string())?;
        let told = async {
            self.audit.refresh(&snapshot).map_err(|problem| problem.to_string())?;
            self.audit.event(now, "unseal-member", facts(&name, from)).await.map_err(|problem| problem.to_string())
        };
        told.await.map_err(|problem| format!("it could not write its audit entry: {problem}"))?;
        tracing::info!(member = name, "a member that was started anew is given the root key");
        Ok(answer)
    }
}

fn facts(name: &str, id: u64) -> Map<String, Value> {
    Map::from_iter([("member".to_owned(), name.into()), ("raft_id".to_owned(), format!("{id:016x}").into())])
}
