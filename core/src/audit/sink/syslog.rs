//! The machine's own syslog, by its socket: one datagram an entry, severity INFO.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::socket::each;
use crate::audit::device::{Sink, Written};

/// Where syslog daemons listen.
pub const SOCKETS: [&str; 3] = ["/dev/log", "/var/run/syslog", "/var/run/log"];
const INFO: u8 = 6;

pub struct SyslogSink {
    sockets: Vec<PathBuf>,
    priority: u8,
    tag: String,
    connection: Option<UnixDatagram>,
}

impl SyslogSink {
    pub fn new(sockets: Vec<PathBuf>, facility: u8, tag: &str) -> Self {
        Self { sockets, priority: facility * 8 + INFO, tag: tag.to_owned(), connection: None }
    }

    pub fn check(&mut self) -> Result<(), String> {
        if self.connection.is_none() {
            self.connection = Some(self.connect()?);
        }
        Ok(())
    }

    fn connect(&self) -> Result<UnixDatagram, String> {
        let socket = UnixDatagram::unbound().map_err(|e| e.to_string())?;
        let mut problem = String::from("no syslog socket is known");
        for path in &self.sockets {
            match socket.connect(path) {
                Ok(()) => return Ok(socket),
                Err(error) => problem = format!("syslog does not listen at {}: {error}", path.display()),
            }
        }
        Err(problem)
    }

    fn send(&mut self, lines: &[Bytes], patience: Duration) -> Written {
        if let Err(problem) = self.check() {
            return Written::All(Err(problem));
        }
        let Some(socket) = &self.connection else { return Written::All(Err("not connected".into())) };
        if let Err(error) = socket.set_write_timeout(Some(patience.max(Duration::from_millis(1)))) {
            return Written::All(Err(error.to_string()));
        }
        let head = format!("<{}>{} {}[{}]: ", self.priority, now(), self.tag, std::process::id());
        each(lines, |line| socket.send(&[head.as_bytes(), line.trim_ascii_end()].concat()))
    }
}

impl Sink for SyslogSink {
    fn write(&mut self, lines: &[Bytes], patience: Duration) -> Written {
        let was_connected = self.connection.is_some();
        let written = self.send(lines, patience);
        let broken = matches!(&written, Written::Each(all) if all.iter().all(Result::is_err));
        if !broken {
            return written;
        }
        // The daemon may have been restarted.
        self.connection = None;
        if was_connected { self.send(lines, patience) } else { written }
    }
}

/// `Jan  2 15:04:05`, as syslog has it.
fn now() -> String {
    Timestamp::now().strftime("%b %e %H:%M:%S").to_string()
}
