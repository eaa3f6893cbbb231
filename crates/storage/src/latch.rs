//! Latches: on the active node, writers of one key queue in order instead of burning each other's retries.
//!
//! They schedule; they do not protect. What protects is the check that apply makes. A transaction tries for a latch
//! when it first reads a key for update; if that fails it lets go of everything and waits for the whole set it has
//! seen, in key order, so that two transactions never wait for each other.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio::time::{Instant, timeout_at};

use crate::Path;

type Latch = Arc<AsyncMutex<()>>;

/// The latches of one node. Only keys that someone holds or waits for are in memory.
#[derive(Default)]
pub struct Latches {
    table: Mutex<HashMap<Path, Latch>>,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("other requests that write the same record did not finish in time")]
pub struct LatchTimeout;

impl Latches {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// A set that holds nothing yet.
    pub fn begin(self: &Arc<Self>) -> LatchSet {
        LatchSet { latches: Arc::clone(self), held: BTreeMap::new(), wanted: BTreeSet::new() }
    }

    fn latch(&self, key: &Path) -> Latch {
        Arc::clone(self.table.lock().entry(key.clone()).or_default())
    }

    fn forget_unused(&self, keys: impl Iterator<Item = Path>) {
        let mut table = self.table.lock();
        for key in keys {
            if table.get(&key).is_some_and(|latch| Arc::strong_count(latch) == 1) {
                table.remove(&key);
            }
        }
    }
}

/// What one transaction holds and has met, across its runs.
pub struct LatchSet {
    latches: Arc<Latches>,
    held: BTreeMap<Path, OwnedMutexGuard<()>>,
    wanted: BTreeSet<Path>,
}

impl LatchSet {
    /// Takes the latch of `key` if it is free. Otherwise the transaction must let go and run again after
    /// [`wait`](Self::wait): it never waits while it holds another.
    pub fn try_take(&mut self, key: &Path) -> bool {
        self.wanted.insert(key.clone());
        if self.held.contains_key(key) {
            return true;
        }
        match self.latches.latch(key).try_lock_owned() {
            Ok(guard) => {
                self.held.insert(key.clone(), guard);
                true
            }
            Err(_) => false,
        }
    }

    /// Lets go of everything and takes every key met so far, in key order.
    pub async fn wait(&mut self, deadline: Instant) -> Result<(), LatchTimeout> {
        self.release();
        for key in &self.wanted {
            let latch = self.latches.latch(key);
            let guard = timeout_at(deadline, latch.lock_owned()).await.map_err(|_| LatchTimeout)?;
            self.held.insert(key.clone(), guard);
        }
        Ok(())
    }

    fn release(&mut self) {
        let held = std::mem::take(&mut self.held);
        let keys: Vec<Path> = held.into_keys().collect();
        self.latches.forget_unused(keys.into_iter());
    }
}

impl Drop for LatchSet {
    fn drop(&mut self) {
        self.release();
        self.latches.forget_unused(std::mem::take(&mut self.wanted).into_iter());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Class, PathKey};

    fn key(name: &str) -> Path {
        Path::root(Class::Replicated).join(&PathKey::kind(name))
    }

    #[tokio::test]
    async fn writers_of_one_key_queue_and_leave_nothing_behind() {
        let latches = Latches::new();
        let mut one = latches.begin();
        assert!(one.try_take(&key("a")));
        let mut two = latches.begin();
        assert!(!two.try_take(&key("a")));
        let soon = Instant::now() + Duration::from_millis(20);
        assert_eq!(two.wait(soon).await, Err(LatchTimeout));
        drop(one);
        two.wait(Instant::now() + Duration::from_secs(5)).await.unwrap();
        drop(two);
        assert!(latches.table.lock().is_empty());
    }

    #[tokio::test]
    async fn crossing_orders_do_not_deadlock() {
        let latches = Latches::new();
        let mut tasks = Vec::new();
        for flip in [false, true] {
            let latches = Arc::clone(&latches);
            tasks.push(tokio::spawn(async move {
                let (first, second) = if flip { ("a", "b") } else { ("b", "a") };
                for _ in 0..200 {
                    let mut set = latches.begin();
                    while !(set.try_take(&key(first)) && set.try_take(&key(second))) {
                        set.wait(Instant::now() + Duration::from_secs(5)).await.unwrap();
                    }
                    tokio::task::yield_now().await;
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    }
}
