//! Folders of database files: linking, syncing, and a file that changes all at once.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Makes `to` a folder with the files of `from`, synced. Files that a database never changes once written are linked,
/// the others copied.
pub(crate) fn link_files(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for (name, _) in database_files(from)? {
        let (source, target) = (from.join(&name), to.join(&name));
        if name.ends_with(".sst") && fs::hard_link(&source, &target).is_ok() {
            continue;
        }
        fs::copy(&source, &target)?;
        File::open(&target)?.sync_all()?;
    }
    sync_folder(to)
}

/// The files that make up a database, and their sizes; not its lock and its chatter.
pub(super) fn database_files(folder: &Path) -> io::Result<Vec<(String, u64)>> {
    let mut files = Vec::new();
    for item in fs::read_dir(folder)? {
        let item = item?;
        let name = item.file_name().into_string().map_err(|_| io::Error::other("a file name is not UTF-8"))?;
        let meta = item.metadata()?;
        if meta.is_file() && name != "LOCK" && name != "LOG" && !name.starts_with("LOG.old") {
            files.push((name, meta.len()));
        }
    }
    files.sort();
    Ok(files)
}

pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Gives the file its new content all at once: after a crash it is the old or the new one.
pub(crate) fn replace_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or_else(|| io::Error::other("a file has no folder"))?;
    let fresh = path.with_extension("tmp");
    let mut file = File::create(&fresh)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    sync_folder(folder)
}
