//! Which keys may speak on the cluster port.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use super::PublicKey;

/// How many removed keys are remembered.
const REMOVED_MAX: usize = 10_000;

/// What a key is to this cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Member(u64),
    /// It was a member once; it may learn that, and nothing else.
    Removed,
    Unknown,
}

#[derive(Clone, Debug, Default)]
pub struct PinSet {
    members: HashMap<PublicKey, u64>,
    removed: VecDeque<PublicKey>,
}

/// The pins in force, read on each handshake and each request, changed when the membership changes.
#[derive(Default)]
pub struct Pins {
    current: ArcSwap<PinSet>,
    changing: Mutex<()>,
}

impl Pins {
    /// Puts these members in force. Whoever was pinned and is not among them counts as removed from now on.
    pub fn set(&self, members: impl IntoIterator<Item = (u64, PublicKey)>) {
        let _one_at_a_time = self.changing.lock();
        let before = self.current.load();
        let members: HashMap<PublicKey, u64> = members.into_iter().map(|(id, key)| (key, id)).collect();
        let mut removed: VecDeque<PublicKey> =
            before.removed.iter().filter(|key| !members.contains_key(*key)).copied().collect();
        removed.extend(before.members.keys().filter(|key| !members.contains_key(*key)));
        while removed.len() > REMOVED_MAX {
            removed.pop_front();
        }
        self.current.store(Arc::new(PinSet { members, removed }));
    }

    /// These were members before this process began.
    pub fn remember(&self, gone: impl IntoIterator<Item = PublicKey>) {
        let _one_at_a_time = self.changing.lock();
        let before = self.current.load();
        let known = |key: &PublicKey| before.members.contains_key(key) || before.removed.contains(key);
        let new: Vec<PublicKey> = gone.into_iter().filter(|key| !known(key)).collect();
        if !new.is_empty() {
            let mut pins = PinSet::clone(&before);
            pins.removed.extend(new);
            while pins.removed.len() > REMOVED_MAX {
                pins.removed.pop_front();
            }
            self.current.store(Arc::new(pins));
        }
    }

    pub fn standing(&self, key: &PublicKey) -> Standing {
        let pins = self.current.load();
        match pins.members.get(key) {
            Some(id) => Standing::Member(*id),
            None if pins.removed.contains(key) => Standing::Removed,
            None => Standing::Unknown,
        }
    }
}
