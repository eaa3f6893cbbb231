//! DR replication: a whole second cluster as the copy of this one.
//!
//! ```text
//!   primary                                            secondary, its leader
//!   batch ─► apply ─► state + feed                       │ Follow(after, fingerprint)
//!                       └── entries behind `after` ────► │ one log entry ─► apply: the same revisions and fingerprints
//!                                                        │ the feed does not know `after`?
//!   a snapshot ◄── hashes of ranges, then what differs ─ │ ─► chunks beside the state ─► merged, or switched to
//! ```
//!
//! The secondary is the one that asks, over the cluster port; each side pins the node keys of the other's members and
//! tells it of its own as they change. All that crosses is ciphertext with the primary's revisions, so the secondary's
//! own consensus replicates it, and whoever leads there goes on where its log stands. How a cluster stands to others is part of its
//! replicated state ([`Standing`]); each change of it is one log entry that names the version it was made from.
//!
//! **Invariant:** a secondary's state machine refuses every batch of its own that would change a replicated key.
//!
//! **Invariant:** a primary's fingerprint runs along, so what a secondary has is a moment of the primary's history or is
//! found not to be one, at the next question. Then the two states are compared.
//!
//! A promotion begins a line of history (epoch). The former primary is told by the new one, or asks when it comes to lead
//! again, before it serves: it is fenced, and becomes a secondary by itself.

pub(crate) mod compare;
mod fed;
mod fence;
mod follow;
mod progress;
mod serve;
mod sessions;
mod stand;
mod standing;

pub(crate) use fed::{Fact, Fed};
pub(crate) use fence::Fence;
pub(crate) use follow::Following;
pub(crate) use progress::Contacts;
pub use progress::{CopyState, Difference, PrimaryProgress, SecondaryLag, SecondaryProgress};
pub(crate) use serve::Serving;
pub(crate) use stand::Stands;
pub use stand::{DrChange, DrError, Enrolled};
pub use standing::{Adopted, DrRole, Enrolment, Secondary, Source, Standing};
pub(crate) use standing::{Foreign, Stand};

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::forward::ForwardHandler;
use crate::handover::Gate;
use crate::load::Loads;
use crate::reads::Reads;
use crate::shared::Shared;

/// Both ends, of which a node is one, the other, or neither.
pub(crate) struct Dr {
    pub stands: Arc<Stands>,
    pub fence: Arc<Fence>,
    pub following: Arc<Following>,
    pub serving: Arc<Serving>,
}

impl Dr {
    pub fn new(
        shared: &Arc<Shared>,
        gate: &Arc<Gate>,
        loads: &Arc<Loads>,
        reads: &Arc<Reads>,
        handler: Arc<dyn ForwardHandler>,
        app: Handle,
        feed_max: u64,
    ) -> Self {
        let following = Arc::new(Following::new(shared.clone(), gate.clone(), loads.clone()));
        let stands = Arc::new(Stands {
            shared: shared.clone(),
            gate: gate.clone(),
            loads: loads.clone(),
            following: following.clone(),
        });
        let contacts = Arc::new(Contacts::default());
        let fence = Arc::new(Fence::new(shared.clone(), stands.clone(), contacts.clone()));
        let serving = Arc::new(Serving {
            shared: shared.clone(),
            stands: stands.clone(),
            fence: fence.clone(),
            reads: reads.clone(),
            contacts,
            sessions: sessions::Sessions::default(),
            handler,
            app,
            feed_max,
        });
        Self { stands, fence, following, serving }
    }
}
