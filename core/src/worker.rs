//! The worker of the active node: removes what is due, in the order of time, in batches of a bounded size.
//!
//! Nothing waits for it: a token past its time counts no more wherever it is used, and so does one whose ancestor is
//! gone. It starts anywhere in the index, so becoming active costs nothing, however many leases there are.

use std::sync::Arc;
use std::time::Duration;

use sdk::NamespaceId;
use storage::{Access, Epoch, Millis, PathKey, Read, Term, TxnState};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::change::change;
use crate::due::{self, Due};
use crate::lifecycle::Node;
use crate::replication::Role;
use crate::{lockout, space};

/// Between two looks when nothing is due sooner.
const IDLE: Duration = Duration::from_secs(1);
/// How long the leader's lease may take to be confirmed.
const READ_MAX: Duration = Duration::from_secs(10);
/// Entries of the index that one look takes.
const PAGE: usize = 64;
/// Records that one batch may remove: it has to fit into a log entry.
const BUDGET: usize = 500;

/// Works until `stop` becomes true.
pub async fn run(node: Arc<Node>, mut stop: watch::Receiver<bool>) {
    let mut worker = Worker { node, led: None, after: None };
    while !*stop.borrow() {
        let pause = match worker.look().await {
            Ok(pause) => pause,
            Err(problem) => {
                tracing::warn!(problem, "what is due could not be swept away; it is tried again");
                IDLE
            }
        };
        if timeout(pause, stop.wait_for(|stop| *stop)).await.is_ok() {
            return;
        }
    }
}

struct Worker {
    node: Arc<Node>,
    /// The term and the line of history that `after` is from: another leader, or a restore, may have put in earlier ones.
    led: Option<(Term, Epoch)>,
    /// Up to where the index is done with: what was deleted is not walked over again. What comes in has a later time.
    after: Option<PathKey>,
}

impl Worker {
    /// Does what is due, and tells how long there is nothing.
    async fn look(&mut self) -> Result<Duration, String> {
        let Role::Active { term } = self.node.role() else { return Ok(IDLE) };
        if self.node.is_sealed() {
            return Ok(IDLE);
        }
        let led = Some((term, *self.node.replication.epoch().borrow()));
        if self.led != led {
            (self.led, self.after) = (led, None);
        }
        let text = |problem: &dyn std::fmt::Display| problem.to_string();
        let deadline = Instant::now() + READ_MAX;
        let now = self.node.replication.read_point(deadline).await.map_err(|e| text(&e))?;
        if self.sweep(term, now).await? {
            return Ok(Duration::ZERO);
        }
        let view = self.node.local_view().map_err(|e| text(&e))?;
        let page = due::next(&view, self.after.as_ref(), PAGE).map_err(|e| text(&e))?;
        let ready: Vec<PathKey> = page.iter().take_while(|(at, _)| *at <= now).map(|(_, key)| key.clone()).collect();
        let Some(last) = ready.last().cloned() else {
            return Ok(page.first().map_or(IDLE, |(at, _)| now.until(*at).min(IDLE)));
        };
        let root = NamespaceId::root();
        change(&self.node, now, term, |state| self.settle(state, &root, &ready, now)).await.map_err(|e| text(&e))?;
        self.after = Some(last);
        Ok(Duration::ZERO)
    }

    fn settle(&self, state: &mut TxnState, ns: &NamespaceId, ready: &[PathKey], now: Millis) -> Result<(), Access> {
        let mut records = state.at(space::records(ns));
        let mut budget = BUDGET;
        for key in ready {
            match records.get::<Due>(key)? {
                Some(Due::Token(token)) => self.node.tokens.expire(&mut records, ns, &token, now, &mut budget)?,
                Some(Due::Lockout { mount, alias }) => lockout::expire(&mut records, &mount, &alias, now)?,
                None => {}
            }
            records.delete(key);
        }
        Ok(())
    }

    /// Goes on with the descendants of revoked tokens. False once there are none.
    async fn sweep(&self, term: Term, now: Millis) -> Result<bool, String> {
        let view = self.node.local_view().map_err(|e| e.to_string())?;
        let Some(parent) = self.node.tokens.to_sweep(&view).map_err(|e| e.to_string())? else { return Ok(false) };
        let root = NamespaceId::root();
        let swept = change(&self.node, now, term, |state| {
            self.node.tokens.sweep_on(&mut state.at(space::records(&root)), &root, &parent)
        });
        swept.await.map_err(|e| e.to_string())?;
        Ok(true)
    }
}
