//! The cluster port: takes connections, lets pinned keys through the handshake, serves gRPC on them.
//!
//! Handshakes run beside each other, but only so many, each for so long; so do connections. A stranger can
//! therefore neither fill the memory nor stop a member from getting in for longer than a handshake takes.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use proto::MESSAGE_MAX;
use proto::cluster::consensus_server::ConsensusServer;
use proto::cluster::peer_server::PeerServer;
use proto::cluster::replica_server::ReplicaServer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;
use tonic::transport::server::Connected;

use super::{ConsensusService, PeerService, ReplicaService};
use crate::identity::{ALPN, Known, Pins, PublicKey, peer_key};

/// Whose key the handshake has proven.
#[derive(Clone, Copy)]
pub struct Caller {
    pub key: PublicKey,
}

/// Takes all addresses or none.
pub fn bind(addresses: &[SocketAddr]) -> Result<Vec<std::net::TcpListener>, (SocketAddr, io::Error)> {
    let bind = |address: &SocketAddr| {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    addresses.iter().map(|address| bind(address).map_err(|error| (*address, error))).collect()
}

/// The open port; it closes when the tasks end.
pub struct Listener {
    tasks: JoinSet<()>,
}

impl Listener {
    /// Serves until `closing` turns true. Must be called inside the runtime that is to drive it.
    pub fn serve(
        listeners: Vec<std::net::TcpListener>,
        tls: rustls::ServerConfig,
        pins: Arc<Pins>,
        consensus: ConsensusService,
        peer: PeerService,
        replica: ReplicaService,
        closing: watch::Receiver<bool>,
    ) -> io::Result<Self> {
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let (connections, queue) = mpsc::channel(ARRIVING);
        let gates = Gates {
            handshakes: Arc::new(Semaphore::new(HANDSHAKES)),
            connections: Arc::new(Semaphore::new(CONNECTIONS)),
            guests: Arc::new(Semaphore::new(GUESTS)),
        };
        let mut tasks = JoinSet::new();
        for listener in listeners {
            let listener = TcpListener::from_std(listener)?;
            let door = (acceptor.clone(), pins.clone(), gates.clone());
            tasks.spawn(accept(listener, door, connections.clone(), closing.clone()));
        }
        let consensus = ConsensusServer::new(consensus)
            .max_decoding_message_size(MESSAGE_MAX)
            .max_encoding_message_size(MESSAGE_MAX);
        let peer = PeerServer::new(peer).max_decoding_message_size(MESSAGE_MAX).max_encoding_message_size(MESSAGE_MAX);
        let replica =
            ReplicaServer::new(replica).max_decoding_message_size(MESSAGE_MAX).max_encoding_message_size(MESSAGE_MAX);
        let mut closing = closing;
        tasks.spawn(async move {
            let server = Server::builder()
                .max_concurrent_streams(STREAMS)
                .initial_stream_window_size(STREAM_WINDOW)
                .initial_connection_window_size(CONNECTION_WINDOW)
                .http2_keepalive_interval(Some(KEEPALIVE))
                .http2_keepalive_timeout(Some(KEEPALIVE_ANSWER))
                .add_service(consensus)
                .add_service(peer)
                .add_service(replica);
            let closed = async move {
                closing.wait_for(|closing| *closing).await.ok();
            };
            if let Err(error) = server.serve_with_incoming_shutdown(ReceiverStream::new(queue), closed).await {
                tracing::error!(error = %error, "the cluster port has stopped");
            }
        });
        Ok(Self { tasks })
    }

    /// Waits until the requests being answered are done, no longer than `within`, then cuts off the rest.
    pub async fn close(mut self, within: Duration) {
        let drained = timeout(within, async { while self.tasks.join_next().await.is_some() {} }).await;
        if drained.is_err() {
            self.tasks.shutdown().await;
        }
    }
}

#[derive(Clone)]
struct Gates {
    handshakes: Arc<Semaphore>,
    connections: Arc<Semaphore>,
    guests: Arc<Semaphore>,
}

type Arrivals = mpsc::Sender<io::Result<Connection>>;

async fn accept(
    listener: TcpListener,
    (tls, pins, gates): (TlsAcceptor, Arc<Pins>, Gates),
    arrivals: Arrivals,
    mut closing: watch::Receiver<bool>,
) {
    let mut handshakes = JoinSet::new();
    loop {
        // The semaphores are never closed.
        let Ok(turn) = gates.handshakes.clone().acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = closing.wait_for(|closing| *closing) => return,
        };
        while handshakes.try_join_next().is_some() {}
        match accepted {
            Ok((stream, from)) => {
                let Ok(place) = gates.connections.clone().try_acquire_owned() else {
                    tracing::warn!(peer = %from, "a connection to the cluster port is refused: there are too many");
                    continue;
                };
                let (tls, pins, guests, arrivals) = (tls.clone(), pins.clone(), gates.guests.clone(), arrivals.clone());
                handshakes.spawn(async move {
                    let _turn = turn;
                    match timeout(HANDSHAKE, greet(stream, tls, &pins, guests, place)).await {
                        Ok(Ok(connection)) => drop(arrivals.send(Ok(connection)).await),
                        Ok(Err(error)) => tracing::warn!(peer = %from, error = %error, "a connection to the cluster port is refused"),
                        Err(_) => tracing::warn!(peer = %from, "a connection to the cluster port never finished its handshake"),
                    }
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: accepting at once again would only spin.
                tracing::warn!(error = %error, "the cluster port cannot accept");
                sleep(PAUSE).await;
            }
        }
    }
}

async fn greet(
    stream: TcpStream,
    tls: TlsAcceptor,
    pins: &Pins,
    guests: Arc<Semaphore>,
    place: OwnedSemaphorePermit,
) -> io::Result<Connection> {
    stream.set_nodelay(true)?;
    let stream = tls.accept(stream).await?;
    let session = stream.get_ref().1;
    if session.alpn_protocol() != Some(ALPN) {
        return Err(io::Error::other("the peer speaks another protocol"));
    }
    let certificate = session.peer_certificates().and_then(|chain| chain.first());
    let certificate = certificate.ok_or_else(|| io::Error::other("the peer shows no key"))?;
    let caller = Caller { key: peer_key(certificate).map_err(io::Error::other)? };
    // Whom nobody knows takes no member's place, and does not stay.
    let (place, leaves) = match pins.known(&caller.key) {
        Known::Guest => {
            let place =
                guests.try_acquire_owned().map_err(|_| io::Error::other("too many strangers are here already"))?;
            (place, Some(Box::pin(sleep(GUEST))))
        }
        _ => (place, None),
    };
    Ok(Connection { stream, caller, leaves, _place: place })
}

pub struct Connection {
    stream: TlsStream<TcpStream>,
    caller: Caller,
    leaves: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

impl Connected for Connection {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        self.caller
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(leaves) = &mut self.leaves
            && leaves.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

const HANDSHAKES: usize = 64;
const HANDSHAKE: Duration = Duration::from_secs(5);
const CONNECTIONS: usize = 1024;
/// Connections of nodes that nobody knows, while somebody is expected whom nobody knows, and how long one lasts.
const GUESTS: usize = 16;
const GUEST: Duration = Duration::from_secs(30);
const ARRIVING: usize = 64;
/// Requests in flight on one connection.
const STREAMS: u32 = 4096;
const PAUSE: Duration = Duration::from_millis(100);
const KEEPALIVE: Duration = Duration::from_secs(1);
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(3);
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;
