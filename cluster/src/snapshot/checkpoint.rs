//! One checkpoint: a folder and the position it holds the state of.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::folder::database_files;
use crate::consensus::SnapshotMeta;

/// A handle to a checkpoint; while one lives its files stay, even when a newer one has taken its place.
#[derive(Clone)]
pub struct Checkpoint {
    kept: Arc<Kept>,
}

struct Kept {
    folder: PathBuf,
    meta: SnapshotMeta,
    doomed: AtomicBool,
}

impl Checkpoint {
    pub(super) fn new(folder: PathBuf, meta: SnapshotMeta) -> Self {
        Self { kept: Arc::new(Kept { folder, meta, doomed: AtomicBool::new(false) }) }
    }

    pub fn meta(&self) -> &SnapshotMeta {
        &self.kept.meta
    }

    pub fn folder(&self) -> &Path {
        &self.kept.folder
    }

    /// Names and sizes of its files, all in one flat folder.
    pub fn files(&self) -> io::Result<Vec<(String, u64)>> {
        database_files(&self.kept.folder)
    }

    /// Deletes its files once the last handle is gone.
    pub(super) fn doom(&self) {
        self.kept.doomed.store(true, Ordering::Release);
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if self.doomed.load(Ordering::Acquire)
            && let Err(error) = fs::remove_dir_all(&self.folder)
        {
            // The next start removes it.
            tracing::warn!(folder = %self.folder.display(), error = %error, "an old snapshot could not be deleted");
        }
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checkpoint({})", self.kept.folder.display())
    }
}
