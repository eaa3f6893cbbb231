//! The folders that backups may be written to, and the files in them.

use std::fs::{self, DirEntry, File};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use storage::Millis;

/// `snapshot_auto_folders`: it is not the API's to say where on this machine something is written.
#[derive(Clone, Debug, Default)]
pub struct Folders {
    open: Vec<PathBuf>,
    /// One of them is being tried.
    trying: Arc<AtomicBool>,
}

impl Folders {
    pub fn new(open: Vec<PathBuf>) -> Self {
        Self { open, trying: Arc::default() }
    }

    /// Whether the path, as it is written, is one of the folders or inside one.
    pub fn allow(&self, path: &str) -> Result<(), String> {
        if self.open.is_empty() {
            return Err(format!("no folder is open to automated backups; {NAMED}"));
        }
        let whole = Path::new(path);
        let plain = |part| matches!(part, Component::RootDir | Component::Normal(_));
        if !whole.is_absolute() || !whole.components().all(plain) {
            return Err(format!("{path:?} must be a whole path, beginning with / and without .."));
        }
        if self.open.iter().any(|folder| whole.starts_with(folder)) { Ok(()) } else { Err(outside(path)) }
    }

    /// The folder with every link followed, if that is, or lies in, one that is open.
    pub fn open(&self, path: &str) -> Result<PathBuf, String> {
        self.allow(path)?;
        let real = Path::new(path).canonicalize();
        let real = real.map_err(|error| format!("the folder {path} of this node cannot be used: {error}"))?;
        if !real.is_dir() {
            return Err(format!("{path} is not a folder"));
        }
        let open = |folder: &PathBuf| folder.canonicalize().is_ok_and(|folder| real.starts_with(folder));
        if self.open.iter().any(open) { Ok(real) } else { Err(outside(path)) }
    }

    /// Whether this node could write to the folder now. Blocks, not for long: one on a network that hangs has a thread to itself,
    /// and nothing else is tried while it does.
    pub(super) fn try_out(&self, path: &str, prefix: &str) -> Result<(), String> {
        self.allow(path)?;
        if self.trying.swap(true, Ordering::AcqRel) {
            return Err("a folder is being tried, and has not answered yet; try again".to_owned());
        }
        let (folders, wanted, prefix) = (self.clone(), path.to_owned(), prefix.to_owned());
        let (done, tried) = sync_channel(1);
        let started = std::thread::Builder::new().name("backup-folder".into()).spawn(move || {
            let result = folders.open(&wanted).and_then(|folder| probe(&folder, &prefix));
            folders.trying.store(false, Ordering::Release);
            // Nobody may wait for it any more.
            let _ = done.send(result);
        });
        if let Err(error) = started {
            self.trying.store(false, Ordering::Release);
            return Err(format!("the folder {path} cannot be tried: {error}"));
        }
        tried.recv_timeout(TRY_MAX).unwrap_or_else(|_| Err(format!("the folder {path} of this node does not answer")))
    }
}

/// How long a folder may take to answer.
const TRY_MAX: Duration = Duration::from_secs(5);
const NAMED: &str = "the configuration names those that are in snapshot_auto_folders";

fn outside(path: &str) -> String {
    format!("{path} is in no folder that is open to automated backups; {NAMED}")
}

/// A backup that is there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kept {
    pub made: u64,
    pub path: PathBuf,
    pub bytes: u64,
}

pub(super) fn file_name(prefix: &str, made: Millis) -> String {
    format!("{prefix}-{}{ENDING}", made.0)
}

pub(super) fn unfinished(prefix: &str, made: Millis) -> String {
    format!(".{prefix}-{}{UNFINISHED}", made.0)
}

/// The backups of that prefix, the newest first. Other files are nobody's business here.
pub(super) fn kept(folder: &Path, prefix: &str) -> io::Result<Vec<Kept>> {
    let mut kept = Vec::new();
    for item in fs::read_dir(folder)? {
        let item = item?;
        if let Some(made) = number(&item, prefix, ENDING) {
            kept.push(Kept { made, path: item.path(), bytes: item.metadata()?.len() });
        }
    }
    kept.sort_by(|a, b| b.cmp(a));
    Ok(kept)
}

/// Deletes what an earlier process did not finish.
pub(super) fn sweep(folder: &Path, prefix: &str) -> io::Result<()> {
    let hidden = format!(".{prefix}");
    for item in fs::read_dir(folder)? {
        let item = item?;
        if number(&item, &hidden, UNFINISHED).is_some() {
            fs::remove_file(item.path())?;
        }
    }
    Ok(())
}

/// Writes a file there and deletes it. Left behind, it goes with what was not finished.
fn probe(folder: &Path, prefix: &str) -> Result<(), String> {
    let file = folder.join(unfinished(prefix, Millis(u64::from_be_bytes(crypto::random()))));
    let tried = File::create_new(&file).and_then(|_| match fs::remove_file(&file) {
        // Whoever makes a backup there has swept it away.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    });
    tried.map_err(|error| format!("this node cannot write to the folder {}: {error}", folder.display()))
}

fn number(item: &DirEntry, prefix: &str, ending: &str) -> Option<u64> {
    let name = item.file_name().into_string().ok()?;
    let digits = name.strip_prefix(prefix)?.strip_prefix('-')?.strip_suffix(ending)?;
    let file = item.file_type().is_ok_and(|kind| kind.is_file());
    digits.parse().ok().filter(|_| file && digits.bytes().all(|b| b.is_ascii_digit()))
}

const ENDING: &str = ".snap";
const UNFINISHED: &str = ".tmp";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_folder_is_tried_at_a_time_and_nothing_is_left_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let folders = Folders::new(vec![folder.path().to_owned()]);
        folders.try_out(path, "backup").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        // Of one that hangs.
        folders.trying.store(true, Ordering::Release);
        assert!(folders.try_out(path, "backup").unwrap_err().contains("has not answered yet"));
        folders.trying.store(false, Ordering::Release);
        folders.try_out(path, "backup").unwrap();
        assert!(folders.try_out(&format!("{path}/none"), "backup").unwrap_err().contains("cannot be used"));
        folders.try_out(path, "backup").expect("who fails is done");
    }
}
