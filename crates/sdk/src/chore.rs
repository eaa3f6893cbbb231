//! What a mount does without being asked.

use storage::Txn;

use crate::Result;

/// Work that takes its time and needs no store, and what it comes to: a transaction, which looks again whether it is wanted.
pub type Chore = Box<dyn FnOnce() -> Result<Finish> + Send>;

/// Runs on the active node and commits as one batch. If somebody got in between, the mount is asked again what is due.
pub type Finish = Box<dyn FnOnce(&mut Txn) -> Result<()> + Send>;
