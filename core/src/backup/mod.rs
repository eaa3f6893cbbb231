//! Backups: what the file is, how one is made and how the state is restored from one.
//!
//! A backup is a `tar.gz` that `tar` lists and `sha256sum -c` checks:
//!
//! | file | what |
//! |---|---|
//! | `meta.json` | the [`Header`]: format, cluster, revision and fingerprint, root key id, seal configuration, wraps |
//! | `state/00000000`, … | the replicated records in key order, about 1 MiB a file; one follows the other |
//! | `SHA256SUMS` | of every file above, as `sha256sum` writes it |
//! | `SHA256SUMS.sealed` | HMAC-SHA256 of the SHA-256 of `SHA256SUMS`, under a key of the root key, in hex |
//!
//! A record is: length of the key (u32), key, kind (u8; 0 bytes, 1 counter), the revision that wrote it (20 bytes), length
//! of the value (u32), value. Numbers are big-endian. Values and names are as they lie in the store: encrypted. Members,
//! request outcomes and whatever else belongs to one cluster alone is not in it.
//!
//! The sums tell a whole file from a broken one; the MAC tells one that this cluster's keys made. The sealed values alone
//! would not: whoever holds a backup could leave records out, bring older ones back, or count a use limit up. Where the
//! root key is another one there is nothing to check it with, so that takes `snapshot-force`, which asks for the operator's
//! word instead.
//!
//! **By itself** one is made as `sys/storage/raft/snapshot-auto` says: see [`auto`].
//!
//! **Restoring** takes the upload into a file without a name, checks all of it, loads it beside the present state, and
//! switches. Up to the switch nothing has changed, whatever fails.

pub mod auto;
mod header;
mod read;
mod record;
mod restore;
mod save;
#[cfg(test)]
mod tests;
mod write;

pub use header::Header;
pub use read::{Records, Whole, header, walk};
pub use restore::{Restore, Trust};
pub use save::Saves;

/// What is wrong with a file that should be a backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("this is not a backup of this server: {0}")]
    NotOne(String),
    #[error("the backup ends too early: it was not written or not sent completely")]
    Incomplete,
    #[error("the backup is damaged: {0}")]
    Damaged(String),
    #[error("the backup has format {0}, which this version does not know: it was made by a newer one")]
    Format(u64),
    #[error("the backup could not be read: {0}")]
    Io(std::io::Error),
    /// By whoever reads it.
    #[error("the reader has stopped")]
    Stopped,
}

impl From<std::io::Error> for BackupError {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::UnexpectedEof => Self::Incomplete,
            ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::Other => Self::Damaged(error.to_string()),
            _ => Self::Io(error),
        }
    }
}

const META: &str = "meta.json";
const SUMS: &str = "SHA256SUMS";
const SEALED: &str = "SHA256SUMS.sealed";
/// Bytes of records in one file of the state, which becomes one log entry. A larger record has a file of its own.
const CHUNK: usize = 768 * 1024;

/// The name of a file of the state.
fn state_file(number: u32) -> String {
    format!("state/{number:08}")
}

/// A line of the sums.
fn sum_line(sum: &[u8; 32], name: &str) -> String {
    format!("{}  {name}\n", hex::encode(sum))
}
