//! The two storage contracts and what stands between them.
//!
//! **Sealed** ([`SealedStore`], [`SealedSnapshot`], [`Batch`]): ciphertext under encoded keys, what the replicated
//! store implements. **Open** ([`View`], [`Txn`]): plaintext under typed paths, what a request handler sees.
//! [`OpenStore`] joins the two through a [`Sealer`], which the barrier implements.
//!
//! Nothing here knows consensus, a disk or a cipher. [`decide`](apply::decide) says what a batch does to a state; the
//! in-memory store and the replicated one both follow it.

pub mod apply;
mod batch;
mod journal;
mod key;
mod latch;
mod listing;
mod memory;
mod open;
mod revision;
mod sealed;
#[cfg(any(test, feature = "suite"))]
pub mod suite;
mod txn;
mod view;

pub use batch::{Batch, Check, Committed, CounterChange, CounterOp, Ran, RequestId};
pub use journal::{Change, Changed, Journal};
pub use key::{Class, KeyError, NAME_MAX, Path, PathKey, RawKey, Seg, SegKind, first_plain_segment};
pub use latch::{LatchSet, Latches};
pub use listing::Listings;
pub use memory::MemoryStore;
pub use open::{Clear, OpenSnapshot, OpenStore, ReadError, SealError, Sealer};
pub use revision::{Epoch, Millis, Revision};
pub use sealed::{CommitError, SealedSnapshot, SealedStore, Step, StoreError, Stored, Term, Value};
pub use txn::{OpenBatch, Txn, TxnState};
pub use view::{Access, Read, View};
