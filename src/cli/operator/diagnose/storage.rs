//! The folder of the store: is it there, may it be written, does it have room, is its time before ours?

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{Access, StatVfsMountFlags};

use super::finding::Report;
use crate::config::ServerConfig;

/// Below this a server does not last the day: the log alone keeps 1 GiB.
const ROOM_NEEDED: u64 = 1 << 30;
const ROOM_WISHED: u64 = 5 << 30;
/// Two clocks of one machine do not differ by more, nor does a file's time.
const SKEW_MOST: Duration = Duration::from_secs(60);
/// Of the folder's files so many are looked at.
const FILES_MOST: usize = 10_000;

pub fn check(report: &mut Report, config: &ServerConfig) {
    let folder = &config.storage.path;
    let shown = folder.display();
    let about = match fs::metadata(folder) {
        Ok(about) if about.is_dir() => about,
        Ok(_) => {
            return report.failure("storage/folder", format!("{shown} is not a folder"), "name a folder in `path`");
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return absent(report, folder),
        Err(error) => {
            let advice = "let this user enter the folders above it";
            return report.failure("storage/folder", format!("{shown} cannot be looked at: {error}"), advice);
        }
    };
    report.good("storage/folder", format!("{shown} is there"));
    permissions(report, folder, &about);
    room(report, folder);
    times(report, folder);
}

/// The server makes the folder, if it may.
fn absent(report: &mut Report, folder: &Path) {
    let shown = folder.display();
    let Some(above) = folder.ancestors().skip(1).find(|above| above.is_dir()) else {
        return report.failure("storage/folder", format!("{shown} is not there"), "make it");
    };
    if may_write(above) {
        let advice = "make it on the disk that is meant for it, with rights for its user alone";
        report.warning("storage/folder", format!("{shown} is not there; the first start makes it"), advice);
        room(report, above);
    } else {
        let found = format!("{shown} is not there, and this user may not write to {}", above.display());
        report.failure("storage/folder", found, format!("mkdir -m 700 {shown}, and give it to the server's user"));
    }
}

fn permissions(report: &mut Report, folder: &Path, about: &Metadata) {
    let (check, shown, mode) = ("storage/permissions", folder.display(), about.permissions().mode() & 0o777);
    if !may_write(folder) {
        let advice =
            format!("chown the folder to the server's user (it is user {}'s), or run this as that user", about.uid());
        return report.failure(check, format!("this user may not write to {shown}"), advice);
    }
    if mode & 0o077 != 0 {
        let found = format!("others than its user may use {shown}: its mode is {mode:o}");
        return report.warning(check, found, format!("chmod 700 {shown}"));
    }
    report.good(check, format!("{shown} is for its user alone"));
}

fn may_write(folder: &Path) -> bool {
    rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

fn room(report: &mut Report, folder: &Path) {
    let (check, shown) = ("storage/room", folder.display());
    let disk = match rustix::fs::statvfs(folder) {
        Ok(disk) => disk,
        Err(error) => return report.warning(check, format!("{shown}: {error}"), "look at the disk by hand"),
    };
    if disk.f_flag.contains(StatVfsMountFlags::RDONLY) {
        return report.failure(check, format!("the disk of {shown} cannot be written"), "mount it for writing");
    }
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let found = format!("the disk of {shown} has {:.1} GiB left", free as f64 / f64::from(1 << 30));
    if free < ROOM_NEEDED {
        report.failure(check, found, "make room: at least 1 GiB is needed, 5 GiB are wished for");
    } else if free < ROOM_WISHED {
        report.warning(check, found, "make room: the log keeps up to 4 GiB while a node is away");
    } else {
        report.good(check, found);
    }
}

/// A clock that has gone back would make leases and certificates live twice.
fn times(report: &mut Report, folder: &Path) {
    let newest = newest_file(folder);
    let ahead = newest.and_then(|time| time.duration_since(SystemTime::now()).ok());
    match ahead.filter(|ahead| *ahead > SKEW_MOST) {
        Some(ahead) => {
            let found = format!("the store was written {} s after what the clock says now", ahead.as_secs());
            report.failure("clock/store", found, "set the clock before the server starts, and let NTP keep it");
        }
        None => report.good("clock/store", "the store is not from the future"),
    }
}

fn newest_file(folder: &Path) -> Option<SystemTime> {
    let (mut folders, mut newest, mut seen) = (vec![folder.to_owned()], None, 0);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            seen += 1;
            if seen > FILES_MOST {
                return newest;
            }
            let Ok(about) = entry.metadata() else { continue };
            if about.is_dir() {
                folders.push(entry.path());
            }
            newest = newest.max(about.modified().ok());
        }
    }
    newest
}
