//! This node asks itself whether it can do its work, and leaves leading to others while it cannot.
//!
//! Looked at once a second: the log's disk (does a write take too long, is there room), the audit devices that requests
//! need, the listeners' certificates. What is found goes to the cluster, which acts on it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::{Fitness, Room};
use holdfast_core::lifecycle::Node;
use tokio::sync::watch;

use crate::http::Serving;

/// What opening the store may need.
const TO_START: u64 = 16 << 20;
const EVERY: Duration = Duration::from_secs(1);
const SAY_AGAIN: Duration = Duration::from_secs(60);
/// A write to the log that takes longer than this is a disk that hangs.
const STALL: Duration = Duration::from_secs(2);

pub struct Probe {
    pub node: Arc<Node>,
    pub cluster: Arc<cluster::Node>,
    pub listeners: Vec<Arc<Serving>>,
    /// `min_free_space`
    pub reserve: u64,
}

/// A node that ran into a full disk would end, be started again, and end again: it waits instead, and says so.
pub async fn wait_for_room(data: &Path) {
    let mut told = None;
    while room(data).is_ok_and(|room| room < TO_START) {
        if told.is_none_or(|told: Instant| told.elapsed() >= SAY_AGAIN) {
            tracing::error!(folder = %data.display(), "the disk is full: this node starts when there are 16 MiB");
            told = Some(Instant::now());
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Bytes that are free on the disk of this folder.
pub fn room(folder: &Path) -> std::io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// What was found.
struct Found {
    log_stall: Duration,
    /// Why no request can be audited.
    audit: Option<String>,
    /// A listener whose certificate is past its end.
    expired: Option<String>,
    /// Bytes that are free; unknown where the system does not say.
    room: Option<u64>,
}

impl Probe {
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let (mut known, mut steady) = (Fitness::default(), true);
        loop {
            steady = self.tell_of_the_clock(steady);
            known = judge(self.look(), self.reserve, known.room);
            metrics::gauge!("holdfast.node.unfit").set(f64::from(u8::from(known.unfit.is_some())));
            metrics::gauge!("holdfast.node.full").set(f64::from(u8::from(known.room != Room::Enough)));
            self.cluster.set_fitness(known.clone());
            if tokio::time::timeout(EVERY, stop.wait_for(|stop| *stop)).await.is_ok() {
                return;
            }
        }
    }

    fn tell_of_the_clock(&self, was_steady: bool) -> bool {
        let steady = self.cluster.clock_is_steady();
        metrics::gauge!("holdfast.clock.unsteady").set(f64::from(u8::from(!steady)));
        match (was_steady, steady) {
            (true, false) => tracing::error!(
                "the wall clock has left its own course or the other nodes' by more than 30 s: while this node leads, nothing \
                 expires. Restart it once the clock is right"
            ),
            (false, true) => tracing::info!("the wall clock is back on its course"),
            _ => {}
        }
        steady
    }

    fn look(&self) -> Found {
        let now = cluster::time::wall();
        let expired = self.listeners.iter().find(|listener| {
            listener.tls.as_ref().and_then(|tls| tls.not_after()).is_some_and(|end| end < now.seconds())
        });
        Found {
            log_stall: self.cluster.log_stall(),
            audit: self.node.audit.blocked(),
            expired: expired.map(|listener| listener.config.load().endpoint.to_string()),
            room: self.node.replication.room().ok(),
        }
    }
}

/// What was known `before` keeps a disk at the edge from going to and fro.
fn judge(found: Found, reserve: u64, before: Room) -> Fitness {
    let wanted = if before == Room::Enough { reserve } else { reserve + reserve / 4 };
    let room = match found.room {
        Some(room) if room < wanted / 4 => Room::None,
        Some(room) if room < wanted => Room::Little,
        Some(_) | None => Room::Enough,
    };
    let unfit = if found.log_stall > STALL {
        Some("a write to the log's disk does not come back".to_owned())
    } else if room != Room::Enough {
        Some(format!("the data's disk is nearly full: less than {} MiB are free", wanted >> 20))
    } else if let Some(problem) = found.audit {
        Some(format!("requests cannot be audited here: {problem}"))
    } else {
        found.expired.map(|listener| format!("the certificate of the listener {listener} has expired"))
    };
    Fitness { unfit, room }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESERVE: u64 = 100 << 20;

    fn well() -> Found {
        Found { log_stall: Duration::ZERO, audit: None, expired: None, room: Some(1 << 30) }
    }

    fn reason(found: Found) -> String {
        judge(found, RESERVE, Room::Enough).unfit.unwrap_or_default()
    }

    #[test]
    fn a_node_that_can_work_is_fit() {
        assert_eq!(judge(well(), RESERVE, Room::Enough), Fitness::default());
        assert_eq!(judge(Found { room: None, ..well() }, RESERVE, Room::Enough), Fitness::default());
        assert_eq!(judge(Found { log_stall: STALL, ..well() }, RESERVE, Room::Enough), Fitness::default());
    }

    #[test]
    fn each_thing_that_stops_a_node_is_a_reason() {
        assert!(reason(Found { log_stall: 2 * STALL, ..well() }).contains("does not come back"));
        assert!(reason(Found { audit: Some("file/: no".into()), ..well() }).contains("file/: no"));
        assert!(reason(Found { expired: Some("0.0.0.0:8200".into()), ..well() }).contains("0.0.0.0:8200"));
        assert!(reason(Found { room: Some(RESERVE - 1), ..well() }).contains("100 MiB"));
    }

    #[test]
    fn a_full_disk_is_one_until_there_is_more_room_than_the_least() {
        let at = |room, before| judge(Found { room: Some(room), ..well() }, RESERVE, before).room;
        assert_eq!(at(RESERVE - 1, Room::Enough), Room::Little);
        assert_eq!(at(RESERVE, Room::Enough), Room::Enough);
        assert_eq!(at(RESERVE, Room::Little), Room::Little);
        assert_eq!(at(RESERVE * 5 / 4, Room::Little), Room::Enough);
        assert_eq!(at(RESERVE / 4 - 1, Room::Enough), Room::None);
    }
}
