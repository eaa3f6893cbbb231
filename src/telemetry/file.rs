//! `log_file`: lines into a file that is rotated by size and age, and opened anew on SIGHUP.
//!
//! A file is rotated by giving it a name with the time in it. What cannot be written is lost here and still on standard
//! error, which gets the same lines.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::LogFile;

/// Shared by all who write.
#[derive(Clone)]
pub struct RotatedFile(Arc<Mutex<Open>>);

struct Open {
    settings: LogFile,
    path: PathBuf,
    file: File,
    written: u64,
    since: SystemTime,
}

impl RotatedFile {
    pub fn open(settings: &LogFile) -> io::Result<RotatedFile> {
        let path = file_path(&settings.path);
        let (file, written) = append(&path)?;
        // A file that goes on is as old as it says, so that restarts do not keep it for ever.
        let since = file.metadata().and_then(|m| m.created()).unwrap_or_else(|_| SystemTime::now());
        let open = Open { settings: settings.clone(), path, file, written, since };
        Ok(RotatedFile(Arc::new(Mutex::new(open))))
    }

    /// For whoever has moved the file away.
    pub fn reopen(&self) -> io::Result<()> {
        self.0.lock().reopen()
    }
}

impl Open {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let full = self.settings.rotate_bytes.is_some_and(|most| self.written + line.len() as u64 > most);
        let old = self.since.elapsed().is_ok_and(|age| age >= self.settings.rotate_after);
        if self.written > 0 && (full || old) {
            // Where nothing can be renamed, the open file goes on: no line is lost for it.
            if let Err(problem) = self.rotate() {
                eprintln!("the log file {} could not be rotated, and goes on: {problem}", self.path.display());
                self.since = SystemTime::now();
                self.written = 0;
            }
        }
        self.file.write_all(line)?;
        self.written += line.len() as u64;
        Ok(line.len())
    }

    fn rotate(&mut self) -> io::Result<()> {
        let mut stamp = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_nanos());
        while rotated(&self.path, stamp).exists() {
            stamp += 1;
        }
        fs::rename(&self.path, rotated(&self.path, stamp))?;
        self.reopen()?;
        self.prune()
    }

    fn reopen(&mut self) -> io::Result<()> {
        let (file, written) = append(&self.path)?;
        (self.file, self.written, self.since) = (file, written, SystemTime::now());
        Ok(())
    }

    /// Rotated files beyond `log_rotate_max_files` go, the oldest first.
    fn prune(&self) -> io::Result<()> {
        let Some(most) = self.settings.rotate_max_files else { return Ok(()) };
        let (stem, ending) = parts(&self.path);
        let is_rotated = |name: &str| {
            let stamp = name.strip_prefix(&format!("{stem}-")).and_then(|rest| rest.strip_suffix(&ending));
            stamp.is_some_and(|stamp| !stamp.is_empty() && stamp.bytes().all(|b| b.is_ascii_digit()))
        };
        let mut files = Vec::new();
        for entry in fs::read_dir(folder(&self.path))? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(is_rotated) {
                files.push(entry.path());
            }
        }
        files.sort();
        for path in files.iter().take(files.len().saturating_sub(most)) {
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

/// A folder stands for a file of the program's name in it.
fn file_path(path: &Path) -> PathBuf {
    let is_folder = path.as_os_str().to_string_lossy().ends_with('/') || path.is_dir();
    if is_folder { path.join("holdfast.log") } else { path.to_owned() }
}

fn append(path: &Path) -> io::Result<(File, u64)> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::create_dir_all(folder(path))?;
    let file = OpenOptions::new().create(true).append(true).mode(0o640).open(path)?;
    let written = file.metadata()?.len();
    Ok((file, written))
}

fn folder(path: &Path) -> PathBuf {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

/// `holdfast` and `.log`.
fn parts(path: &Path) -> (String, String) {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
    (stem, ending)
}

/// Twenty digits, so that names sort by time.
fn rotated(path: &Path, stamp: u128) -> PathBuf {
    let (stem, ending) = parts(path);
    folder(path).join(format!("{stem}-{stamp:020}{ending}"))
}

/// One line on its way into the file.
pub struct Line(RotatedFile);

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.0.lock().write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for RotatedFile {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn settings(path: PathBuf) -> LogFile {
        LogFile { path, rotate_bytes: Some(10), rotate_after: Duration::from_secs(3600), rotate_max_files: Some(2) }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_that_cannot_be_renamed_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.log");
        let file = RotatedFile::open(&settings(path.clone())).unwrap();
        file.make_writer().write_all(b"first..\n").unwrap();
        let held = File::open(&path).unwrap();
        fs::remove_file(&path).unwrap();
        for line in ["second.\n", "third..\n"] {
            file.make_writer().write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(io::read_to_string(held).unwrap(), "first..\nsecond.\nthird..\n");
    }

    #[test]
    fn a_full_file_is_rotated_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("server-notes.log"), "not ours").unwrap();
        let file = RotatedFile::open(&settings(folder.path().join("server.log"))).unwrap();
        for line in ["first..\n", "second.\n", "third..\n", "fourth.\n"] {
            file.make_writer().write_all(line.as_bytes()).unwrap();
        }
        let names = names(folder.path());
        assert_eq!(names.len(), 4, "{names:?}");
        assert_eq!(fs::read_to_string(folder.path().join("server.log")).unwrap(), "fourth.\n");
        assert_eq!(fs::read_to_string(folder.path().join(&names[1])).unwrap(), "third..\n");
        assert!(names.contains(&"server-notes.log".to_owned()), "{names:?}");
    }

    #[test]
    fn an_old_file_is_rotated() {
        let folder = tempfile::tempdir().unwrap();
        let settings =
            LogFile { rotate_bytes: None, rotate_after: Duration::ZERO, ..settings(folder.path().join("a.log")) };
        let file = RotatedFile::open(&settings).unwrap();
        file.make_writer().write_all(b"one\n").unwrap();
        file.make_writer().write_all(b"two\n").unwrap();
        assert_eq!(names(folder.path()).len(), 2);
    }

    #[test]
    fn a_file_that_was_moved_away_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let file = RotatedFile::open(&settings(folder.path().to_owned())).unwrap();
        let (path, moved) = (folder.path().join("holdfast.log"), folder.path().join("moved"));
        file.make_writer().write_all(b"one\n").unwrap();
        fs::rename(&path, &moved).unwrap();
        file.reopen().unwrap();
        file.make_writer().write_all(b"two\n").unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "two\n");
        assert_eq!(fs::read_to_string(moved).unwrap(), "one\n");
    }
}
