//! A file that lines are appended to, or a pipe.
//!
//! It notices by itself that the file is gone (before each write) or was renamed (within a second), and opens a new
//! one. A pipe is never waited for longer than the device's patience, neither to be opened nor to be read from.

use std::fs::{File, Metadata, Permissions};
use std::io::{ErrorKind, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::audit::device::{Sink, Written};

/// Between two looks at whether the path still names the open file.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Of a file that is made here.
const OWNER_ONLY: u32 = 0o600;

/// Where the file may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Where the configuration says.
    At(PathBuf),
    /// Below a folder that the configuration has opened to the API: no link leads out of it, and the file is a plain one
    /// of this server's own that nobody can run.
    Within { folder: PathBuf, below: PathBuf },
}

impl Place {
    pub fn path(&self) -> PathBuf {
        match self {
            Self::At(path) => path.clone(),
            Self::Within { folder, below } => folder.join(below),
        }
    }
}

pub struct FileSink {
    place: Place,
    path: PathBuf,
    mode: Option<u32>,
    sync: bool,
    open: Option<Open>,
    looked: Instant,
    /// A write that failed has left half a line: the next entry begins on a new one.
    torn: bool,
}

struct Open {
    file: File,
    device: u64,
    inode: u64,
    plain: bool,
}

impl FileSink {
    pub fn new(place: Place, mode: Option<u32>, sync: bool) -> Self {
        let path = place.path();
        Self { place, path, mode, sync, open: None, looked: Instant::now(), torn: false }
    }

    /// Opens the file now. It is made if it is not there.
    pub fn check(&mut self) -> Result<(), String> {
        self.opened().map(|_| ())
    }

    fn opened(&mut self) -> Result<&mut Open, String> {
        if self.is_gone() {
            self.open = None;
        }
        match &mut self.open {
            Some(open) => Ok(open),
            none => {
                self.looked = Instant::now();
                Ok(none.insert(open(&self.place, self.mode)?))
            }
        }
    }

    fn is_gone(&mut self) -> bool {
        let Some(open) = self.open.as_ref().filter(|open| open.plain) else { return false };
        if open.file.metadata().is_ok_and(|now| now.nlink() == 0) {
            return true;
        }
        if self.looked.elapsed() < LOOK_AGAIN {
            return false;
        }
        self.looked = Instant::now();
        !std::fs::metadata(&self.path).is_ok_and(|now| (now.dev(), now.ino()) == (open.device, open.inode))
    }
}

impl Sink for FileSink {
    fn write(&mut self, lines: &[Bytes], patience: Duration) -> Written {
        let (torn, sync) = (self.torn, self.sync);
        let open = match self.opened() {
            Ok(open) => open,
            Err(problem) => return Written::All(Err(problem)),
        };
        let mut together = if torn { vec![b'\n'] } else { Vec::new() };
        lines.iter().for_each(|line| together.extend_from_slice(line));
        let (written, result) = append(&mut open.file, &together, patience);
        let synced = result.and_then(|()| if sync { open.file.sync_data() } else { Ok(()) });
        if written > 0 {
            self.torn = written < together.len();
        }
        Written::All(synced.map_err(|error| {
            // A full disk or pipe is the same one when it has room again; anything else is opened anew.
            if !matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::WouldBlock) {
                self.open = None;
            }
            match error.kind() {
                ErrorKind::WouldBlock => "the pipe is full: nobody reads it".into(),
                ErrorKind::BrokenPipe => "nobody reads the pipe".into(),
                _ => error.to_string(),
            }
        }))
    }

    fn reopen(&mut self) {
        self.open = None;
    }
}

/// How much of it was written, and what came of it.
fn append(file: &mut File, mut bytes: &[u8], patience: Duration) -> (usize, std::io::Result<()>) {
    let deadline = Instant::now() + patience;
    let all = bytes.len();
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return (all - bytes.len(), Err(ErrorKind::WriteZero.into())),
            Ok(n) => bytes = &bytes[n..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() || !takes_more(file, left) {
                    return (all - bytes.len(), Err(error));
                }
            }
            Err(error) => return (all - bytes.len(), Err(error)),
        }
    }
    (all, Ok(()))
}

fn takes_more(file: &File, within: Duration) -> bool {
    let Ok(within) = Timespec::try_from(within) else { return false };
    poll(&mut [PollFd::new(file, PollFlags::OUT)], Some(&within)).is_ok_and(|ready| ready > 0)
}

fn open(place: &Place, mode: Option<u32>) -> Result<Open, String> {
    let path = place.path();
    let failed = |error: Errno| match error {
        Errno::NXIO => format!("nobody reads the pipe {}", path.display()),
        error => format!("{} cannot be opened for appending: {}", path.display(), std::io::Error::from(error)),
    };
    // Without NONBLOCK a pipe that nobody reads would keep the thread here.
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let made = Mode::from_raw_mode(mode.unwrap_or(OWNER_ONLY));
    let file = match place {
        Place::At(path) => File::from(openat(CWD, path, flags, made).map_err(failed)?),
        Place::Within { folder, below } => within(folder, below, flags, made).map_err(failed)?,
    };
    let about = file.metadata().map_err(|e| e.to_string())?;
    if let Place::Within { .. } = place {
        is_ours(&path, &about)?;
    }
    if let Some(mode) = mode
        && about.is_file()
        && about.permissions().mode() & 0o777 != mode
    {
        let set = file.set_permissions(Permissions::from_mode(mode));
        set.map_err(|e| format!("the mode of {} cannot be set: {e}", path.display()))?;
    }
    let kind = about.file_type();
    let plain = about.is_file();
    if kind.is_block_device() || about.is_dir() {
        return Err(format!("{} is no file that lines can be appended to", path.display()));
    }
    Ok(Open { device: about.dev(), inode: about.ino(), plain, file })
}

/// What the API may not name is refused whatever way the path took.
fn is_ours(path: &Path, about: &Metadata) -> Result<(), String> {
    let refused = |why: &str| Err(format!("{} is refused: {why}", path.display()));
    if !about.is_file() {
        return refused("a device made through the API writes to plain files only");
    }
    if about.uid() != geteuid().as_raw() {
        return refused("the file belongs to another user");
    }
    if about.permissions().mode() & 0o111 != 0 {
        return refused("the file is executable");
    }
    if about.nlink() > 1 {
        return refused("the file has other names too");
    }
    Ok(())
}

/// Opens a file below a folder, through no link at all.
fn within(folder: &Path, below: &Path, flags: OFlags, mode: Mode) -> Result<File, Errno> {
    let root: OwnedFd = openat(CWD, folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    openat2(root.as_fd(), below, flags | OFlags::NOFOLLOW, mode, resolve).map(File::from)
}
