//! Which keys may speak on the cluster port.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use storage::Millis;

use super::{PublicKey, RemovedKeys};
use crate::dr::{Foreign, Standing};

/// What a key is to this cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    Member(u64),
    /// It was a member once; it may learn that, and nothing else.
    Removed,
    /// It is a member of another cluster that this one has to do with.
    Foreign,
    /// Nobody knows it, and somebody is expected who is not known yet: it may show a secret, and nothing else.
    Guest,
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
    abroad: ArcSwap<Abroad>,
}

/// The nodes of other clusters.
#[derive(Default)]
struct Abroad {
    /// Of the standing that they are from.
    version: u64,
    keys: HashMap<PublicKey, Foreign>,
    guests: bool,
}

impl Pins {
    /// Puts these in force. A key that is among both is a member's.
    pub fn set(&self, members: impl IntoIterator<Item = (u64, PublicKey)>, removed: RemovedKeys) {
        let members = members.into_iter().map(|(id, key)| (key, id)).collect();
        self.current.store(Arc::new(PinSet { members, removed }));
    }

    /// As [`set`](Self::set), for the nodes of other clusters. It is called with each entry, and seldom has anything to do: only an
    /// invitation ends by itself.
    pub fn set_abroad(&self, standing: &Standing, now: impl FnOnce() -> Millis) {
        let known = self.abroad.load();
        if known.version == standing.version && !known.guests {
            return;
        }
        let guests = standing.expects_guests(now());
        if known.version != standing.version || !guests {
            self.abroad.store(Arc::new(Abroad { version: standing.version, keys: standing.foreign(), guests }));
        }
    }

    pub fn known(&self, key: &PublicKey) -> Known {
        let (pins, abroad) = (self.current.load(), self.abroad.load());
        match pins.members.get(key) {
            Some(id) => Known::Member(*id),
            None if abroad.keys.contains_key(key) => Known::Foreign,
            None if pins.removed.contains(key) => Known::Removed,
            None if abroad.guests => Known::Guest,
            None => Known::Unknown,
        }
    }

    /// What a node of another cluster may ask here.
    pub fn foreign(&self, key: &PublicKey) -> Option<Foreign> {
        self.abroad.load().keys.get(key).cloned()
    }
}
