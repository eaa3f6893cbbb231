//! Snapshots: checkpoints of the state machine's database, kept on a shelf, and the policy of when to make one.
//!
//! A checkpoint is a folder of hard links, so making one costs by the number of files, not by their size. Its position
//! and membership are read from the checkpoint itself, so they always agree with its data. Sending and receiving the
//! files is the network's business; installing one is the state machine's.

mod checkpoint;
mod folder;
pub mod retention;
mod shelf;

pub use checkpoint::Checkpoint;
pub(crate) use folder::{link_files, replace_file, sync_folder};
pub(crate) use shelf::Shelf;
pub use shelf::{ReceiveError, Receiving};
