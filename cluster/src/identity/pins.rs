//! Which keys may speak on the cluster port.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{PublicKey, RemovedKeys};

/// What a key is to this cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Member(u64),
    /// It was a member once; it may learn that, and nothing else.
    Removed,
    Unknown,
}

#[derive(Default)]
struct PinSet {
    members: HashMap<PublicKey, u64>,
    removed: RemovedKeys,
}

/// The pins in force, read on each handshake and each request, changed when the membership changes.
#[derive(Default)]
pub struct Pins {
    current: ArcSwap<PinSet>,
}

impl Pins {
    /// Puts these in force. A key that is among both is a member's.
    pub fn set(&self, members: impl IntoIterator<Item = (u64, PublicKey)>, removed: RemovedKeys) {
        let members = members.into_iter().map(|(id, key)| (key, id)).collect();
        self.current.store(Arc::new(PinSet { members, removed }));
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
