//! The replicated store: a log, a state machine and the snapshots of it, kept equal on every node of a cluster. Bytes,
//! never secrets.
//!
//! [`Node`] is the whole of it for the rest of the server: one opens it, founds a cluster or enters one, commits
//! batches, and asks from where on a read is up to date.
//!
//! ```text
//!   node ─┬─ join        founding, letting in, entering
//!         ├─ membership  who is in, how they are, whom this node talks to
//!         ├─ change      taking members out, giving and taking votes;  reconcile: what the leader does by itself
//!         ├─ autopilot   how healthy the members are, and which can be spared
//!         ├─ leadership  who leads;  campaign: who wants to;  handover: who shall;  fitness: who should not
//!         ├─ reads       from which index on a read sees everything acknowledged before it
//!         ├─ forward     requests to the leader, and what became of them
//!         ├─ format      versions of this server side by side
//!         ├─ unseal      members that unseal one that was started anew
//!         ├─ load        the whole of the replicated keys anew, from a backup
//!         ├─ dr          another cluster as the copy of this one, or this one as a copy
//!         ├─ recovery    a cluster made of what is left of one
//!         └─ store       batches through consensus
//!                │
//!   identity ─ network ─ consensus ─ log ─ machine ─ snapshot
//! ```

mod autopilot;
mod bulk;
mod campaign;
mod change;
pub mod consensus;
mod divergence;
pub mod dr;
mod fitness;
mod format;
mod forward;
mod handover;
pub mod identity;
mod join;
mod leadership;
mod lease;
mod load;
pub mod log;
pub mod machine;
mod membership;
mod network;
mod node;
mod open;
mod propose;
mod reads;
mod reconcile;
pub mod recovery;
mod shared;
pub mod snapshot;
mod store;
mod threads;
pub mod time;
#[cfg(feature = "faults")]
pub mod under_test;
mod unseal;

pub use autopilot::{AutopilotState, Config as AutopilotConfig, LastEntry, ServerHealth};
pub use change::{ChangeError, MemberChange};
pub use consensus::{Member, Timing};
pub use fitness::{Fitness, Room};
pub use format::{Form, Formats, Level};
pub use forward::{ForwardError, ForwardHandler, Outcome, OutcomeError};
pub use handover::TransferError;
pub use join::{AdmitError, EnterError, FoundError, Joining};
pub use leadership::{Leadership, Role};
pub use load::{Load, LoadError, Loaded};
pub use machine::Stray;
pub use membership::MemberStatus;
pub use network::ForwardRefusal;
pub use node::{FullHash, Node};
pub use open::{Hooks, OpenError, Options};
pub use reads::{ReadError, ReadPoint};
pub use recovery::{Recovered, Recovery};
pub use unseal::Unsealed;

#[cfg(test)]
mod tests;
