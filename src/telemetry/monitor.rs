//! Log lines for those who listen: `sys/monitor`.
//!
//! Lines go into a bounded ring, one for each form; a listener reads it at its own speed, and one that is too slow loses
//! lines and is told how many. A level that nobody listens to is switched off as if it had never been asked for.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::broadcast::{self, error::RecvError};
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{LogFormat, LogLevel};

/// Lines that a listener may be behind.
const RING: usize = 512;
/// Listeners of one form at once.
const LISTENERS_MAX: usize = 16;

type Line = (Level, Bytes);

/// Lines in one form, and who listens to them.
pub struct Monitor {
    format: LogFormat,
    ring: broadcast::Sender<Line>,
    listeners: Mutex<Listeners>,
    /// Opens the tap as far as the most curious listener wants, or closes it.
    open_to: Box<dyn Fn(Option<LogLevel>) + Send + Sync>,
}

#[derive(Default)]
struct Listeners {
    next: u64,
    levels: BTreeMap<u64, LogLevel>,
}

/// Where a layer writes its lines.
#[derive(Clone)]
pub struct Tap(broadcast::Sender<Line>);

pub fn tap() -> Tap {
    Tap(broadcast::channel(RING).0)
}

impl Monitor {
    pub fn new(tap: &Tap, format: LogFormat, open_to: Box<dyn Fn(Option<LogLevel>) + Send + Sync>) -> Arc<Self> {
        Arc::new(Self { format, ring: tap.0.clone(), listeners: Mutex::default(), open_to })
    }

    /// Lines of this level and the graver ones, from now on. `None`: as many listen as may.
    pub fn listen(self: &Arc<Self>, level: LogLevel) -> Option<Listener> {
        let lines = self.ring.subscribe();
        let mut listeners = self.listeners.lock();
        if listeners.levels.len() >= LISTENERS_MAX {
            return None;
        }
        let id = listeners.next;
        listeners.next += 1;
        listeners.levels.insert(id, level);
        (self.open_to)(most_curious(&listeners));
        drop(listeners);
        Some(Listener { id, level: super::as_filter(level), lines, monitor: Arc::clone(self) })
    }

    /// The line in place of those that a listener was too slow for, whatever their level.
    fn lost(&self, lines: u64) -> Bytes {
        Bytes::from(match self.format {
            LogFormat::Standard => format!("{lines} lines were lost\n"),
            LogFormat::Json => format!("{{\"level\":\"WARN\",\"message\":\"{lines} lines were lost\"}}\n"),
        })
    }
}

fn most_curious(listeners: &Listeners) -> Option<LogLevel> {
    listeners.levels.values().copied().max_by_key(|level| super::as_filter(*level))
}

/// Listens until it is dropped.
pub struct Listener {
    id: u64,
    level: LevelFilter,
    lines: broadcast::Receiver<Line>,
    monitor: Arc<Monitor>,
}

impl Listener {
    /// The next line, or how many were lost. `None` once there will be no more.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            match self.lines.recv().await {
                Ok((level, line)) if level <= self.level => return Some(line),
                Ok(_) => {}
                Err(RecvError::Lagged(lost)) => return Some(self.monitor.lost(lost)),
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut listeners = self.monitor.listeners.lock();
        listeners.levels.remove(&self.id);
        (self.monitor.open_to)(most_curious(&listeners));
    }
}

/// A line of a known level on its way into the ring.
pub struct Pen {
    level: Level,
    ring: broadcast::Sender<Line>,
}

impl<'a> MakeWriter<'a> for Tap {
    type Writer = Pen;

    fn make_writer(&'a self) -> Pen {
        Pen { level: Level::ERROR, ring: self.0.clone() }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Pen {
        Pen { level: *metadata.level(), ring: self.0.clone() }
    }
}

impl Write for Pen {
    /// A layer hands over whole lines.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // Nobody may be listening any more.
        let _ = self.ring.send((self.level, Bytes::copy_from_slice(line)));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One monitor for each form of a line.
pub struct Monitors {
    pub standard: Arc<Monitor>,
    pub json: Arc<Monitor>,
}

impl Monitors {
    pub fn of(&self, format: LogFormat) -> &Arc<Monitor> {
        match format {
            LogFormat::Standard => &self.standard,
            LogFormat::Json => &self.json,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn monitor() -> (Tap, Arc<Monitor>, Arc<Mutex<Vec<Option<LogLevel>>>>) {
        let (tap, opened) = (tap(), Arc::new(Mutex::new(Vec::new())));
        let seen = Arc::clone(&opened);
        let monitor = Monitor::new(&tap, LogFormat::Standard, Box::new(move |level| seen.lock().push(level)));
        (tap, monitor, opened)
    }

    fn write(tap: &Tap, level: Level, line: &str) {
        Pen { level, ring: tap.0.clone() }.write_all(line.as_bytes()).unwrap();
    }

    #[tokio::test]
    async fn each_listener_gets_its_level_and_the_tap_opens_no_further() {
        let (tap, monitor, opened) = monitor();
        let mut warnings = monitor.listen(LogLevel::Warn).unwrap();
        let mut all = monitor.listen(LogLevel::Debug).unwrap();
        write(&tap, Level::DEBUG, "one\n");
        write(&tap, Level::ERROR, "two\n");
        assert_eq!(warnings.next().await.unwrap(), "two\n");
        assert_eq!(all.next().await.unwrap(), "one\n");
        drop(all);
        drop(warnings);
        assert_eq!(*opened.lock(), [Some(LogLevel::Warn), Some(LogLevel::Debug), Some(LogLevel::Warn), None]);
    }

    #[tokio::test]
    async fn a_slow_listener_loses_lines_and_is_told() {
        let (tap, monitor, _) = monitor();
        let mut slow = monitor.listen(LogLevel::Info).unwrap();
        for n in 0..RING + 88 {
            write(&tap, Level::INFO, &format!("{n}\n"));
        }
        assert_eq!(slow.next().await.unwrap(), "88 lines were lost\n");
        assert_eq!(slow.next().await.unwrap(), "88\n");
        let json: serde_json::Value =
            serde_json::from_slice(&Monitor::new(&tap, LogFormat::Json, Box::new(|_| ())).lost(3)).unwrap();
        assert_eq!(json["message"], "3 lines were lost");
    }

    #[test]
    fn listeners_have_a_bound_and_give_their_place_back() {
        let (_, monitor, _) = monitor();
        let mut all: Vec<_> = (0..LISTENERS_MAX).map(|_| monitor.listen(LogLevel::Info).unwrap()).collect();
        assert!(monitor.listen(LogLevel::Info).is_none());
        all.pop();
        assert!(monitor.listen(LogLevel::Info).is_some());
    }
}
