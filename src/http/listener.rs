//! API listeners: bound first, served once the server is ready, drained when it stops.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustix::process::{Resource, getrlimit};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::{Face, TlsError, tls};
use crate::config::Listener;

/// Open connections of one listener, if the process may open as many files; more wait to be accepted.
const CONNECTIONS_MAX: usize = 16 * 1024;
/// Files that are for the store, its log, audit and the other nodes.
const FILES_KEPT: usize = 512;
/// How long a client may take until its first bytes have come, TLS included.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// A port that is bound but not served yet.
pub struct Bound {
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
    config: Listener,
}

/// As many as leave the store its files: a server that cannot write its log has to end.
fn connections_max() -> usize {
    let files = getrlimit(Resource::Nofile).current.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    files.saturating_sub(FILES_KEPT).clamp(16, CONNECTIONS_MAX)
}

/// A served port.
pub struct Listening {
    pub address: SocketAddr,
    done: tokio::task::JoinHandle<()>,
}

#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("the API cannot listen on {address}: {problem}")]
    Bind { address: SocketAddr, problem: std::io::Error },
    #[error(transparent)]
    Tls(#[from] TlsError),
}

pub async fn bind(config: &Listener) -> Result<Bound, ListenError> {
    let tls = config.tls.as_ref().map(tls::server_config).transpose()?.map(TlsAcceptor::from);
    let failed = |problem| ListenError::Bind { address: config.address, problem };
    let socket = TcpListener::bind(config.address).await.map_err(failed)?;
    Ok(Bound { socket, tls, config: config.clone() })
}

impl Bound {
    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap_or(self.config.address)
    }

    /// Serves until `stop` becomes true, then lets open requests finish.
    pub fn serve(self, face: Arc<Face>, stop: watch::Receiver<bool>) -> Listening {
        let address = self.address();
        Listening { address, done: tokio::spawn(self.run(face, stop)) }
    }

    async fn run(self, face: Arc<Face>, mut stop: watch::Receiver<bool>) {
        let Self { socket, tls, config } = self;
        let most = connections_max();
        let room = Arc::new(Semaphore::new(most));
        loop {
            let Ok(permit) = Arc::clone(&room).acquire_owned().await else { break };
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let (stream, remote) = match accepted {
                Ok(accepted) => accepted,
                Err(problem) => {
                    tracing::warn!(%problem, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let connection = Connection {
                face: Arc::clone(&face),
                tls: tls.clone(),
                config: config.clone(),
                remote,
                stop: stop.clone(),
            };
            tokio::spawn(async move {
                connection.serve(stream).await;
                drop(permit);
            });
        }
        // From here on clients are refused, and not left waiting for somebody to accept them.
        drop(socket);
        // All the room is free when the last connection has ended.
        let _ = room.acquire_many(u32::try_from(most).unwrap_or(u32::MAX)).await;
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

struct Connection {
    face: Arc<Face>,
    tls: Option<TlsAcceptor>,
    config: Listener,
    remote: SocketAddr,
    stop: watch::Receiver<bool>,
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        // Answers are small: waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
        match self.tls.clone() {
            None => self.http(stream).await,
            Some(acceptor) => match timeout(HANDSHAKE_MAX, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => self.http(stream).await,
                Ok(Err(problem)) => tracing::debug!(remote = %self.remote, %problem, "no TLS connection"),
                Err(_) => tracing::debug!(remote = %self.remote, "a TLS handshake took too long"),
            },
        }
    }

    async fn http<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut stream = BufReader::new(stream);
        match timeout(HANDSHAKE_MAX, stream.fill_buf()).await {
            Ok(Ok(bytes)) if !bytes.is_empty() => {}
            _ => return tracing::debug!(remote = %self.remote, "a connection was opened and not used"),
        }
        let Self { face, config, remote, mut stop, .. } = self;
        let service = service_fn(move |request| {
            let (face, limits) = (Arc::clone(&face), config.limits);
            async move { Ok::<_, std::convert::Infallible>(face.answer(request, remote, &limits).await) }
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(config.header_timeout).half_close(false);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(256)
            .keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let stopping = async move { stop.wait_for(|stop| *stop).await.is_ok() };
        let ended = tokio::select! {
            // The request that is here already is read first: asked to end before that, the connection would drop it.
            biased;
            ended = connection.as_mut() => ended,
            _ = stopping => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(problem) = ended {
            tracing::debug!(%remote, %problem, "a connection ended early");
        }
    }
}
