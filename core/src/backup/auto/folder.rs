//! The folders that backups may be written to, and the files in them.

use std::fs::{self, DirEntry, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use storage::Millis;

/// `snapshot_auto_folders`: it is not the API's to say where on this machine something is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folders(pub Vec<PathBuf>);

impl Folders {
    /// Whether the path, as it is written, is one of the folders or inside one.
    pub fn allow(&self, path: &str) -> Result<(), String> {
        if self.0.is_empty() {
            return Err(format!("no folder is open to automated backups; {NAMED}"));
        }
        let whole = Path::new(path);
        let plain = |part| matches!(part, Component::RootDir | Component::Normal(_));
        if !whole.is_absolute() || !whole.components().all(plain) {
            return Err(format!("{path:?} must be a whole path, beginning with / and without .."));
        }
        if self.0.iter().any(|folder| whole.starts_with(folder)) { Ok(()) } else { Err(outside(path)) }
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
        if self.0.iter().any(open) { Ok(real) } else { Err(outside(path)) }
    }
}

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
pub(super) fn probe(folder: &Path, prefix: &str) -> Result<(), String> {
    let file = folder.join(unfinished(prefix, Millis(u64::from_be_bytes(crypto::random()))));
    let tried = File::create_new(&file).and_then(|_| fs::remove_file(&file));
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
