//! API listeners: bound first, served once the server is ready, drained when it stops.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustix::process::{Resource, getrlimit};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::timeout;

use super::connection::Connection;
use super::socket::Socket;
use super::tls::Tls;
use super::{Face, TlsError};
use crate::config::{Listener, ServerConfig};

/// Open connections of all listeners, if the process may open as many files; more wait to be accepted.
const CONNECTIONS_MAX: usize = 16 * 1024;
/// Files that are for the store, its log, audit and the other nodes.
const FILES_KEPT: usize = 512;

/// How many the system lets wait to be accepted.
const BACKLOG: usize = 1024;

/// What a listener serves with; a part of it is replaced while it serves.
pub struct Serving {
    pub config: ArcSwap<Listener>,
    pub tls: Option<Tls>,
}

/// An address that is bound but not served yet.
pub struct Bound {
    socket: Socket,
    serving: Arc<Serving>,
}

/// A served address.
pub struct Listening {
    /// `None` for a socket of this machine.
    pub address: Option<SocketAddr>,
    pub serving: Arc<Serving>,
    done: tokio::task::JoinHandle<()>,
}

#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("the API cannot listen on {endpoint}: {problem}")]
    Bind { endpoint: String, problem: std::io::Error },
    #[error(transparent)]
    Tls(#[from] TlsError),
}

pub async fn bind(config: &Listener) -> Result<Bound, ListenError> {
    let tls = config.tls.as_ref().map(Tls::read).transpose()?;
    let failed = |problem| ListenError::Bind { endpoint: config.endpoint.to_string(), problem };
    let socket = Socket::bind(&config.endpoint).await.map_err(failed)?;
    Ok(Bound { socket, serving: Arc::new(Serving { config: ArcSwap::from_pointee(config.clone()), tls }) })
}

impl Bound {
    pub fn serving(&self) -> Arc<Serving> {
        Arc::clone(&self.serving)
    }
}

impl Serving {
    /// Takes over what may change: the certificate's files are read again, and headers and doors are those of `config`.
    /// All of it or, with files that are no good, nothing.
    pub fn reload(&self, config: &ServerConfig) -> Result<(), TlsError> {
        let made = self.tls.as_ref().map(Tls::read_again).transpose()?;
        let current = self.config.load_full();
        if let Some(new) = config.listeners.iter().find(|new| new.endpoint.is_at(&current.endpoint)) {
            let (headers, doors) = (new.headers.clone(), new.doors);
            self.config.store(Arc::new(Listener { headers, doors, ..Listener::clone(&current) }));
        }
        if let (Some(tls), Some(made)) = (&self.tls, made) {
            tls.take(made);
        }
        Ok(())
    }
}

/// Room for connections, shared by all listeners: as many as leave the store its files, since a server that cannot write
/// its log has to end.
pub fn connection_room() -> Arc<Semaphore> {
    let files = getrlimit(Resource::Nofile).current.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    Arc::new(Semaphore::new(files.saturating_sub(FILES_KEPT).clamp(16, CONNECTIONS_MAX)))
}

impl Bound {
    /// Serves until `stop` becomes true, then lets open requests finish.
    pub fn serve(self, face: Arc<Face>, room: Arc<Semaphore>, stop: watch::Receiver<bool>) -> Listening {
        if self.serving.tls.as_ref().is_some_and(|tls| tls.files().look_again.is_some()) {
            tokio::spawn(look_again(Arc::clone(&self.serving), stop.clone()));
        }
        let (address, serving) = (self.socket.address(), Arc::clone(&self.serving));
        Listening { address, serving, done: tokio::spawn(self.run(face, room, stop)) }
    }

    async fn run(self, face: Arc<Face>, room: Arc<Semaphore>, mut stop: watch::Receiver<bool>) {
        let Self { socket, serving } = self;
        // Each connection has a copy: when all are gone, the last has ended.
        let (open, mut ended) = mpsc::channel::<()>(1);
        let until = stop.clone();
        let serve = move |stream, permit| {
            let (face, serving, stop) = (Arc::clone(&face), Arc::clone(&serving), until.clone());
            let open = open.clone();
            tokio::spawn(async move {
                Connection { face, serving, stop }.serve(stream).await;
                drop((permit, open));
            });
        };
        loop {
            let permit = tokio::select! {
                Ok(permit) = Arc::clone(&room).acquire_owned() => permit,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let stream = match accepted {
                Ok(stream) => stream,
                Err(problem) => {
                    tracing::warn!(%problem, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            serve(stream, permit);
        }
        // Who has connected already waits to be accepted; the system would reset it.
        for _ in 0..BACKLOG {
            let Ok(permit) = Arc::clone(&room).try_acquire_owned() else { break };
            let Ok(Ok(stream)) = timeout(Duration::ZERO, socket.accept()).await else { break };
            serve(stream, permit);
        }
        drop(serve);
        // From here on clients are refused, and not left waiting for somebody to accept them.
        drop(socket);
        let _ = ended.recv().await;
    }
}

impl Listening {
    /// Waits until the open requests are answered, at most this long.
    pub async fn drained(self, most: Duration) {
        let mut done = self.done;
        if timeout(most, &mut done).await.is_err() {
            done.abort();
        }
    }
}

/// `tls_auto_reload`: the certificate's files are read again when one of them has changed.
async fn look_again(serving: Arc<Serving>, mut stop: watch::Receiver<bool>) {
    let Some((tls, interval)) = serving.tls.as_ref().and_then(|tls| Some((tls, tls.files().look_again?))) else {
        return;
    };
    let mut seen = changed(tls);
    while timeout(interval, stop.wait_for(|stop| *stop)).await.is_err() {
        let now = changed(tls);
        if now == seen {
            continue;
        }
        match tls.reload() {
            Ok(()) => {
                seen = now;
                tracing::info!(certificate = %tls.files().certificate.display(), "the certificate was read again");
            }
            // Half-written files: they are looked at again.
            Err(problem) => tracing::warn!(%problem, "a changed certificate cannot be used; the old one stays"),
        }
    }
}

/// When each file was changed last, and how long it is.
fn changed(tls: &Tls) -> Vec<Option<(SystemTime, u64)>> {
    let files: [&PathBuf; 2] = [&tls.files().certificate, &tls.files().key];
    let of = |file: &PathBuf| std::fs::metadata(file).and_then(|m| Ok((m.modified()?, m.len()))).ok();
    files.into_iter().map(of).collect()
}
