//! How often the data key was used, across restarts and changes of leader, and rotating it before it was used too often.
//!
//! Only the active node encrypts. It writes down in advance up to where it may count; whoever takes over counts on from
//! there. So the stored number is never below the true one, and above it by at most [`AHEAD`] for every change of leader.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use storage::{Latches, Millis, PathKey, Read, RequestId, Term, TxnState};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::{ChangeError, Node, RotationConfig, rotation_key};
use crate::replication::Role;
use crate::space;

/// How many encryptions are written down in advance.
const AHEAD: u64 = 50_000;
/// How often the interval is looked at.
const LOOK: Duration = Duration::from_secs(60);
/// A change that takes longer is tried again later.
const CHANGE_MAX: Duration = Duration::from_secs(30);
/// The pause after a failure.
const RETRY: Duration = Duration::from_secs(5);

/// Stored: the data key's term, and up to where its encryptions are accounted for.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Accounted {
    term: u32,
    encryptions: u64,
}

fn accounted_key() -> PathKey {
    PathKey::kind("key-usage")
}

/// What this node knows of it as the active one.
#[derive(Default)]
pub(super) struct Usage {
    /// The term of leadership, and the data key's.
    leading: Option<(Term, u32)>,
    /// The count when this leadership or this data key began, and what this node's own counter said then.
    base: u64,
    own_at_base: u64,
    /// Up to where it is written down.
    accounted: u64,
    /// What the own counter said when last looked at, by data key.
    seen: BTreeMap<u32, u64>,
}

impl Usage {
    /// The count across the cluster, where this node's own counter says `own`.
    pub fn count(&self, term: u32, own: u64) -> u64 {
        match self.leading {
            Some((_, data_key)) if data_key == term => self.base + own.saturating_sub(self.own_at_base),
            _ => own,
        }
    }

    fn begin(&mut self, leadership: Term, term: u32, stored: Accounted) {
        if self.leading == Some((leadership, term)) {
            return;
        }
        let base = if stored.term == term { stored.encryptions } else { 0 };
        let own_at_base = self.seen.get(&term).copied().unwrap_or_default();
        let seen = std::mem::take(&mut self.seen).split_off(&term);
        *self = Self { leading: Some((leadership, term)), base, own_at_base, accounted: base, seen };
    }
}

impl Node {
    /// Keeps the count, rotates in time and keeps the root key's wraps, for as long as this node runs and is active.
    pub async fn keep_keys(self: Arc<Self>, stop: watch::Receiver<bool>) {
        tokio::join!(self.keep_count(stop.clone()), self.keep_tenant_keys(stop.clone()), self.keep_wrapped(stop));
    }

    async fn keep_count(&self, mut stop: watch::Receiver<bool>) {
        let mut role = self.replication.role();
        let mut pause = LOOK;
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                changed = role.changed() => if changed.is_err() { return },
                () = self.keyring.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
            let active = matches!(*role.borrow_and_update(), Role::Active { .. });
            pause = LOOK;
            if !active || self.is_sealed() {
                continue;
            }
            // What follows encrypts too; it must not wake itself.
            self.keyring.wake_at.store(u64::MAX, Ordering::Relaxed);
            match timeout(CHANGE_MAX, self.look_after_keys()).await {
                Ok(Ok(())) | Ok(Err(ChangeError::Sealed | ChangeError::NotActive)) => {}
                Ok(Err(problem)) => {
                    tracing::warn!(%problem, "the keys could not be looked after");
                    pause = RETRY;
                }
                Err(_) => tracing::warn!("looking after the keys takes too long"),
            }
        }
    }

    async fn look_after_keys(&self) -> Result<(), ChangeError> {
        // A copy's data keys are its primary's to look after.
        if self.is_secondary() { Ok(()) } else { self.look_after_data_key().await }
    }

    async fn look_after_data_key(&self) -> Result<(), ChangeError> {
        let leadership = self.leading()?;
        let view = self.local_view()?;
        let config = view.get::<RotationConfig>(&rotation_key())?.unwrap_or_default();
        let stored = view.get::<Accounted>(&accounted_key())?.unwrap_or_default();
        let (term, own) = self.barrier.encryptions().map_err(|_| ChangeError::Sealed)?;
        let (count, accounted, used) = {
            let mut usage = self.usage.lock();
            usage.begin(leadership, term, stored);
            usage.seen.insert(term, own);
            (usage.count(term, own), usage.accounted, own > usage.own_at_base)
        };
        let installed = self.key_status()?.installed;
        if config.enabled && is_due(&config, count, installed, self.replication.now()) {
            self.rotate(Instant::now() + CHANGE_MAX).await?;
            // The new key's count begins at nothing.
            self.keyring.wake_at.store(1, Ordering::Relaxed);
            return Ok(());
        }
        if count > RotationConfig::MAX_OPERATIONS_MAX {
            tracing::error!(count, "the data key was used too often; rotate it now, and enable automatic rotation");
        }
        if used && count + AHEAD / 2 > accounted {
            self.account(leadership, Accounted { term, encryptions: count + AHEAD }).await?;
            self.usage.lock().accounted = count + AHEAD;
        }
        let usage = self.usage.lock();
        let left = usage.accounted.saturating_sub(count + AHEAD / 2).min(config.max_operations.saturating_sub(count));
        self.keyring.wake_at.store(own + left.max(1), Ordering::Relaxed);
        Ok(())
    }

    async fn account(&self, term: Term, accounted: Accounted) -> Result<(), ChangeError> {
        let snapshot = self.store.snapshot().map_err(storage::Access::from)?;
        let mut state = TxnState::new(snapshot, Latches::new().begin());
        state.at(space::records(&sdk::NamespaceId::root())).put(&accounted_key(), &accounted)?;
        let (open, _latches) = state.finish();
        let id = RequestId { applied: self.store.applied(), random: crypto::random() };
        let batch = self.store.seal(id, self.replication.now(), open).map_err(storage::Access::from)?;
        // What is unknown counts as not written: it is written again with a higher number.
        let done = self.store.commit(term, batch).await;
        done.map(|_| ()).map_err(|error| ChangeError::Unavailable(error.to_string()))
    }
}

pub(super) fn is_due(config: &RotationConfig, count: u64, installed: Millis, now: Millis) -> bool {
    let old = config.interval > 0 && now.0.saturating_sub(installed.0) / 1000 >= config.interval;
    count >= config.max_operations || old
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_takes_over_counts_on_from_what_was_written_down() {
        let mut usage = Usage::default();
        usage.begin(Term(1), 1, Accounted::default());
        assert_eq!(usage.count(1, 40), 40);
        usage.seen.insert(1, 40);
        // Another node led meanwhile and wrote down 50040.
        usage.begin(Term(3), 1, Accounted { term: 1, encryptions: 50_040 });
        assert_eq!(usage.count(1, 45), 50_045);
        usage.begin(Term(3), 2, Accounted { term: 1, encryptions: 50_040 });
        assert_eq!(usage.count(2, 7), 7, "a new key has not been used");
    }

    #[test]
    fn both_limits_make_a_rotation_due() {
        let config = RotationConfig { max_operations: 1_000_000, interval: 86_400, enabled: true };
        let day = Millis(86_400_000);
        assert!(!is_due(&config, 999_999, Millis(1), day));
        assert!(is_due(&config, 1_000_000, Millis(1), Millis(2)));
        assert!(is_due(&config, 0, Millis(0), day));
        let forever = RotationConfig { interval: 0, ..config };
        assert!(!is_due(&forever, 0, Millis(0), Millis(u64::MAX)));
    }
}
