//! What a test can do to this process above the store: only in builds with the feature `faults`, which no server is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::RwLock;

static NEVER_DROPS: AtomicBool = AtomicBool::new(false);
static LINGER: RwLock<Option<(String, Duration)>> = RwLock::new(None);

/// A mutation: decoded records are used from the cache whatever the store says now.
pub fn keep_stale_caches() {
    NEVER_DROPS.store(true, Ordering::Relaxed);
}

/// Holds requests to paths that begin so up between what they decided and their commit, as a busy machine may.
pub fn set_linger(prefix: String, pause: Duration) {
    *LINGER.write() = Some((prefix, pause));
}

pub(crate) fn never_drops() -> bool {
    NEVER_DROPS.load(Ordering::Relaxed)
}

pub(crate) async fn linger(path: &str) {
    let pause = LINGER.read().as_ref().filter(|(prefix, _)| path.starts_with(prefix)).map(|(_, pause)| *pause);
    if let Some(pause) = pause {
        tokio::time::sleep(pause).await;
    }
}
