//! The machine: its limits, its clock, what of memory may reach a disk.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::process::{Resource, getrlimit};

use super::finding::Report;
use crate::config::ServerConfig;

/// Connections and files of the store come out of it.
const OPEN_FILES_NEEDED: u64 = 4096;
const OPEN_FILES_WISHED: u64 = 65_536;
/// What the server locks with room to spare.
const LOCKED_NEEDED: u64 = 64 << 20;
/// 2025: no server of this kind is older.
const FIRST_DAY: Duration = Duration::from_secs(1_735_689_600);

pub fn check(report: &mut Report, config: &ServerConfig) {
    open_files(report);
    memory_lock(report, config.lock_memory);
    core_dumps(report);
    clock(report);
    if rustix::process::geteuid().is_root() {
        let advice = "run the server, and this check, as a user of its own";
        report.warning("machine/user", "this is root, who may do all: what another user may is not seen", advice);
    } else {
        report.good("machine/user", "not root");
    }
}

/// The server raises its own limit as far as it may.
fn open_files(report: &mut Report) {
    let check = "limit/open-files";
    match getrlimit(Resource::Nofile).maximum {
        Some(most) if most < OPEN_FILES_NEEDED => {
            report.failure(
                check,
                format!("at most {most} files may be open"),
                "LimitNOFILE=65536 for a service, ulimit -Hn",
            );
        }
        Some(most) if most < OPEN_FILES_WISHED => {
            report.warning(
                check,
                format!("at most {most} files may be open"),
                "LimitNOFILE=65536 for a service, ulimit -Hn",
            );
        }
        Some(most) => report.good(check, format!("{most} files may be open")),
        None => report.good(check, "any number of files may be open"),
    }
}

fn memory_lock(report: &mut Report, wanted: bool) {
    let check = "memory/lock";
    if !wanted {
        return if swaps() {
            let advice = "turn swap off, or take out `disable_mlock`";
            report.warning(check, "`disable_mlock` is set and this machine swaps: keys may reach the disk", advice);
        } else {
            report.good(check, "nothing is locked, and this machine does not swap");
        };
    }
    match getrlimit(Resource::Memlock).maximum {
        Some(most) if most < LOCKED_NEEDED => {
            let advice = "LimitMEMLOCK=infinity for a service, or setcap cap_ipc_lock=+ep on the program";
            report.warning(check, format!("at most {} KiB may be locked", most >> 10), advice);
        }
        _ => report.good(check, "keys can be kept from being swapped out"),
    }
}

fn swaps() -> bool {
    fs::read_to_string("/proc/swaps").is_ok_and(|text| text.lines().count() > 1)
}

fn core_dumps(report: &mut Report) {
    match getrlimit(Resource::Core).current {
        Some(0) => report.good("memory/core-dumps", "a crash leaves no memory behind"),
        _ => {
            let found = "a crash may write the server's memory, keys and all, to a disk";
            report.warning("memory/core-dumps", found, "LimitCORE=0 for a service, ulimit -c 0");
        }
    }
}

fn clock(report: &mut Report) {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(now) if now > FIRST_DAY => report.good("clock/year", "the clock is set"),
        _ => report.failure("clock/year", "the clock is not set", "set it, and let NTP keep it"),
    }
}
