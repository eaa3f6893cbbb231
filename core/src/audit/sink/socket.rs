//! A socket: TCP, UDP, or a unix one. Connected when it is first needed, and again, less and less often, when it breaks.

use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use crate::audit::device::{Sink, Written};
use crate::audit::options::{SocketKind, resolve};

const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// The least time for a write; zero would be no limit.
const WRITE_MIN: Duration = Duration::from_millis(1);
/// The least time for connecting, whatever patience is left.
const CONNECT_MIN: Duration = Duration::from_millis(500);

pub struct SocketSink {
    kind: SocketKind,
    address: String,
    connection: Option<Connection>,
    backoff: Duration,
    not_before: Option<Instant>,
    problem: String,
    /// A write that timed out has left half a line: the next one begins anew.
    torn: bool,
}

enum Connection {
    Tcp(TcpStream),
    Unix(UnixStream),
    Udp(UdpSocket),
    UnixDatagram(UnixDatagram),
}

impl SocketSink {
    pub fn new(kind: SocketKind, address: &str) -> Self {
        Self {
            kind,
            address: address.to_owned(),
            connection: None,
            backoff: BACKOFF_MIN,
            not_before: None,
            problem: String::new(),
            torn: false,
        }
    }

    pub fn check(&mut self, patience: Duration) -> Result<(), String> {
        self.connect(patience)
    }

    fn connect(&mut self, patience: Duration) -> Result<(), String> {
        if self.connection.as_ref().is_some_and(Connection::is_closed) {
            self.connection = None;
        }
        if self.connection.is_none() {
            if self.not_before.is_some_and(|at| Instant::now() < at) {
                return Err(self.problem.clone());
            }
            match Connection::to(self.kind, &self.address, patience.max(CONNECT_MIN)) {
                Ok(connection) => {
                    self.connection = Some(connection);
                    self.torn = false;
                    (self.backoff, self.not_before) = (BACKOFF_MIN, None);
                }
                Err(error) => {
                    self.problem = format!("{} cannot be connected to: {error}", self.address);
                    self.not_before = Some(Instant::now() + self.backoff);
                    self.backoff = (self.backoff * 2).min(BACKOFF_MAX);
                    return Err(self.problem.clone());
                }
            }
        }
        Ok(())
    }

    fn send(&mut self, lines: &[Bytes], patience: Duration) -> Result<Written, String> {
        let deadline = Instant::now() + patience;
        let mut together = Vec::new();
        self.connect(patience)?;
        if self.torn {
            together.push(b'\n');
        }
        let Some(connection) = &mut self.connection else { return Err(self.problem.clone()) };
        let (sent, result) = match connection {
            Connection::Tcp(stream) => {
                lines.iter().for_each(|line| together.extend_from_slice(line));
                stream_all(stream, &together, deadline, |stream, left| stream.set_write_timeout(Some(left)))
            }
            Connection::Unix(stream) => {
                lines.iter().for_each(|line| together.extend_from_slice(line));
                stream_all(stream, &together, deadline, |stream, left| stream.set_write_timeout(Some(left)))
            }
            Connection::Udp(socket) => return Ok(each(lines, |line| socket.send(line))),
            Connection::UnixDatagram(socket) => {
                let timed = socket.set_write_timeout(Some(patience.max(WRITE_MIN)));
                let written = each(lines, |line| socket.send(line));
                let broken = matches!(&written, Written::Each(all) if all.iter().all(Result::is_err));
                if timed.is_err() || broken {
                    // Whoever listened there may have come back as another.
                    self.connection = None;
                }
                return Ok(written);
            }
        };
        if sent > 0 {
            self.torn = sent < together.len();
        }
        match result {
            Ok(()) => Ok(Written::All(Ok(()))),
            // The same other side takes more when it reads again. A new connection would only hide that nobody reads.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Ok(Written::All(Err(format!("{} takes no more: a write timed out", self.address))))
            }
            Err(error) => {
                self.connection = None;
                Err(format!("{}: {error}", self.address))
            }
        }
    }
}

impl Sink for SocketSink {
    fn write(&mut self, lines: &[Bytes], patience: Duration) -> Written {
        let was_connected = self.connection.is_some();
        match self.send(lines, patience) {
            Ok(written) => written,
            // A connection that had broken unnoticed: once more on a new one. The other side may see a line twice.
            Err(_) if was_connected => self.send(lines, patience).unwrap_or_else(|error| Written::All(Err(error))),
            Err(error) => Written::All(Err(error)),
        }
    }

    fn reopen(&mut self) {
        self.connection = None;
    }
}

/// How much was written, and what came of it.
fn stream_all<S: Write>(
    stream: &mut S,
    bytes: &[u8],
    deadline: Instant,
    set: impl Fn(&S, Duration) -> std::io::Result<()>,
) -> (usize, std::io::Result<()>) {
    let mut sent = 0;
    while sent < bytes.len() {
        // Without patience what the buffer takes is still tried.
        let time = deadline.saturating_duration_since(Instant::now()).max(WRITE_MIN);
        let written = set(stream, time).and_then(|()| stream.write(&bytes[sent..]));
        match written {
            Ok(0) => return (sent, Err(ErrorKind::WriteZero.into())),
            Ok(n) => sent += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return (sent, Err(error)),
        }
    }
    (sent, Ok(()))
}

/// One datagram a line.
pub fn each(lines: &[Bytes], mut send: impl FnMut(&Bytes) -> std::io::Result<usize>) -> Written {
    Written::Each(lines.iter().map(|line| send(line).map(|_| ()).map_err(|e| e.to_string())).collect())
}

impl Connection {
    fn to(kind: SocketKind, address: &str, within: Duration) -> std::io::Result<Self> {
        match kind {
            SocketKind::Tcp => tcp(&resolve(address)?, within).map(Self::Tcp),
            SocketKind::Udp => udp(&resolve(address)?).map(Self::Udp),
            SocketKind::Unix => UnixStream::connect(address).map(Self::Unix),
            SocketKind::UnixDatagram => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(address)?;
                Ok(Self::UnixDatagram(socket))
            }
        }
    }

    /// Whether the other side has gone. Without this look a first write to it would seem to succeed.
    fn is_closed(&self) -> bool {
        match self {
            Self::Tcp(stream) => ended(stream),
            Self::Unix(stream) => ended(stream),
            Self::Udp(_) | Self::UnixDatagram(_) => false,
        }
    }
}

fn ended(stream: &impl AsFd) -> bool {
    // What the other side says is nothing to us.
    let mut said = [0_u8; 512];
    for _ in 0..64 {
        match recv(stream, &mut said[..], RecvFlags::DONTWAIT) {
            Ok((0, _)) => return true,
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return false,
            Err(_) => return true,
        }
    }
    false
}

fn tcp(addresses: &[SocketAddr], within: Duration) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::from(ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpStream::connect_timeout(address, within) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn udp(addresses: &[SocketAddr]) -> std::io::Result<UdpSocket> {
    let address = addresses.first().ok_or(ErrorKind::AddrNotAvailable)?;
    let local: SocketAddr = if address.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
    let socket = UdpSocket::bind(local)?;
    socket.connect(address)?;
    Ok(socket)
}
