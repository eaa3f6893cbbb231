//! Moments of this state that secondaries compare with theirs. Each holds files on the disk, so they are few and not for long.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use storage::SealedSnapshot;

#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<u64, Session>>);

struct Session {
    state: Arc<dyn SealedSnapshot>,
    used: Instant,
}

impl Sessions {
    pub fn open(&self, state: Arc<dyn SealedSnapshot>) -> u64 {
        let mut open = self.0.lock();
        open.retain(|_, session| session.used.elapsed() < IDLE);
        if open.len() >= MOST
            && let Some(oldest) = open.iter().min_by_key(|(_, session)| session.used).map(|(id, _)| *id)
        {
            open.remove(&oldest);
        }
        // Zero asks for a session, so none is called so.
        let id = u64::from_be_bytes(crypto::random()).max(1);
        open.insert(id, Session { state, used: Instant::now() });
        id
    }

    pub fn get(&self, id: u64) -> Option<Arc<dyn SealedSnapshot>> {
        let mut open = self.0.lock();
        let session = open.get_mut(&id)?;
        session.used = Instant::now();
        Some(Arc::clone(&session.state))
    }

    /// Lets go of those that nobody has asked for lately.
    pub fn sweep(&self) {
        self.0.lock().retain(|_, session| session.used.elapsed() < IDLE);
    }
}

const MOST: usize = 4;
const IDLE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use storage::{MemoryStore, SealedStore};

    use super::*;

    #[test]
    fn the_one_that_was_not_used_longest_makes_room() {
        let (sessions, store) = (Sessions::default(), MemoryStore::default());
        let ids: Vec<u64> = (0..MOST).map(|_| sessions.open(store.snapshot().unwrap())).collect();
        assert!(sessions.get(ids[0]).is_some());
        sessions.open(store.snapshot().unwrap());
        assert!(sessions.get(ids[0]).is_some() && sessions.get(ids[1]).is_none());
    }
}
