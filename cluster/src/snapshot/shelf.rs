//! The folder of snapshots: the current one, those being made, those being received.
//!
//! A checkpoint becomes current by a rename, after everything in it is on disk; what a crash leaves half-made is deleted
//! at the next start.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use uuid::Uuid;

use super::checkpoint::Checkpoint;
use super::folder::{database_files, link_files, sync_folder};
use crate::consensus::{LogId, SnapshotMeta};

/// Reads position and membership out of a checkpoint's folder. `Unsupported` is one that a later version has written.
pub(crate) type ReadMeta = Arc<dyn Fn(&Path) -> io::Result<SnapshotMeta> + Send + Sync>;

pub(crate) struct Shelf {
    folder: PathBuf,
    read_meta: ReadMeta,
    current: Mutex<Option<Checkpoint>>,
}

impl Shelf {
    /// Finds the newest snapshot and deletes everything else.
    pub fn open(folder: PathBuf, read_meta: ReadMeta) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let mut newest: Option<Checkpoint> = None;
        for item in fs::read_dir(&folder)? {
            let path = item?.path();
            let whole = !is_unfinished(&path);
            let found = if whole { read_meta(&path) } else { Err(io::Error::other("it was never finished")) };
            match found {
                Ok(meta) if newest.as_ref().is_none_or(|n| n.meta().last_log_id < meta.last_log_id) => {
                    if let Some(older) = newest.replace(Checkpoint::new(path, meta)) {
                        older.doom();
                    }
                }
                Ok(_) => fs::remove_dir_all(&path)?,
                // That version may need it.
                Err(error) if error.kind() == io::ErrorKind::Unsupported => return Err(error),
                Err(error) => {
                    tracing::warn!(folder = %path.display(), error = %error, "a snapshot is deleted");
                    fs::remove_dir_all(&path)?;
                }
            }
        }
        Ok(Self { folder, read_meta, current: Mutex::new(newest) })
    }

    pub fn current(&self) -> Option<Checkpoint> {
        self.current.lock().clone()
    }

    /// Makes a checkpoint by `write`, which fills the folder it is given, and makes it the current one. Blocks.
    pub fn add(&self, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<Checkpoint> {
        let fresh = self.folder.join(format!("{MAKING}{}", Uuid::new_v4()));
        let made = write(&fresh).and_then(|()| (self.read_meta)(&fresh)).and_then(|meta| self.keep(&fresh, meta));
        if made.is_err() {
            fs::remove_dir_all(&fresh).ok();
        }
        made
    }

    /// Makes a checkpoint that lies elsewhere the current one. Blocks.
    pub fn adopt(&self, checkpoint: &Checkpoint) -> io::Result<()> {
        let here = self.current().is_some_and(|current| current.folder() == checkpoint.folder());
        if !here {
            self.add(|fresh| link_files(checkpoint.folder(), fresh))?;
        }
        Ok(())
    }

    /// A folder to receive a snapshot into.
    pub fn receive(&self) -> io::Result<Receiving> {
        let folder = self.folder.join(format!("{RECEIVING}{}", Uuid::new_v4()));
        fs::create_dir(&folder)?;
        Ok(Receiving { folder: Some(folder), read_meta: Arc::clone(&self.read_meta) })
    }

    fn keep(&self, fresh: &Path, meta: SnapshotMeta) -> io::Result<Checkpoint> {
        let mut current = self.current.lock();
        if let Some(kept) = current.as_ref().filter(|c| c.meta().last_log_id >= meta.last_log_id) {
            // A newer or equal one came first.
            fs::remove_dir_all(fresh)?;
            return Ok(kept.clone());
        }
        let folder = self.folder.join(name(meta.last_log_id));
        fs::rename(fresh, &folder)?;
        sync_folder(&self.folder)?;
        let checkpoint = Checkpoint::new(folder, meta);
        if let Some(older) = current.replace(checkpoint.clone()) {
            older.doom();
        }
        Ok(checkpoint)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    #[error("a snapshot may not hold a file named {0:?}")]
    BadName(String),
    #[error("the snapshot's files hold another state than its header says")]
    MetaDiffers,
    #[error("the snapshot could not be stored: {0}")]
    Io(#[from] io::Error),
}

/// A snapshot on its way in. Dropped unfinished, it leaves nothing.
pub struct Receiving {
    folder: Option<PathBuf>,
    read_meta: ReadMeta,
}

impl Receiving {
    /// Opens a file of it for writing. The name comes from a peer and may not leave the folder.
    pub fn create(&self, name: &str) -> Result<File, ReceiveError> {
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
        if !plain || name.is_empty() || name.starts_with('.') || name.len() > 64 {
            return Err(ReceiveError::BadName(name.chars().take(64).collect()));
        }
        Ok(File::create_new(self.folder().join(name))?)
    }

    /// Syncs what came and checks that it is the state that `meta` names. Blocks.
    pub fn finish(mut self, meta: &SnapshotMeta) -> Result<Checkpoint, ReceiveError> {
        for (name, _) in database_files(self.folder())? {
            File::open(self.folder().join(name))?.sync_all()?;
        }
        sync_folder(self.folder())?;
        if (self.read_meta)(self.folder())? != *meta {
            return Err(ReceiveError::MetaDiffers);
        }
        // Invariant: only this function takes the folder, and it consumes self.
        let folder = self.folder.take().expect("invariant: a snapshot being received has its folder");
        let checkpoint = Checkpoint::new(folder, meta.clone());
        // Installing links its files elsewhere.
        checkpoint.doom();
        Ok(checkpoint)
    }

    fn folder(&self) -> &Path {
        // Invariant: finish() alone takes the folder, and it consumes self.
        self.folder.as_deref().expect("invariant: a snapshot being received has its folder")
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            // What stays is deleted at the next start.
            fs::remove_dir_all(folder).ok();
        }
    }
}

fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with(MAKING) || name.starts_with(RECEIVING)
}

fn name(position: Option<LogId>) -> String {
    match position {
        Some(id) => format!("{}-{}-{:016x}", id.index, id.leader_id.term, id.leader_id.node_id),
        None => "empty".to_owned(),
    }
}

const MAKING: &str = "tmp-";
const RECEIVING: &str = "recv-";
