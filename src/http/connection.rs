//! One connection: the balancer's word on who the client is, TLS, then requests until one side has enough.

use std::io::Cursor;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::Version;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use super::activity::{Activity, Watched};
use super::listener::Serving;
use super::peer::Peer;
use super::socket::Stream;
use super::{Face, certificates, proxied};

/// How long a client may take over the PROXY header and over TLS.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How long a connection that is to end may take over it.
const FAREWELL: Duration = Duration::from_secs(2);

pub struct Connection {
    pub face: Arc<Face>,
    pub serving: Arc<Serving>,
    pub stop: watch::Receiver<bool>,
}

impl Connection {
    pub async fn serve(self, stream: Stream) {
        match stream {
            Stream::Unix(stream) => self.http(stream, Peer::default()).await,
            Stream::Tcp(stream, remote) => self.proxied(stream, remote).await,
        }
    }

    async fn proxied(self, mut stream: TcpStream, remote: SocketAddr) {
        let listener = self.serving.config.load_full();
        let Some(protocol) = &listener.proxy else { return self.secured(stream, remote).await };
        match timeout(HANDSHAKE_MAX, proxied::read(protocol, &mut stream, remote)).await {
            Ok(Ok((client, begun))) if begun.is_empty() => self.secured(stream, client).await,
            Ok(Ok((client, begun))) => {
                let (read, write) = stream.into_split();
                self.secured(tokio::io::join(Cursor::new(begun).chain(read), write), client).await;
            }
            Ok(Err(problem)) => tracing::debug!(%remote, %problem, "a connection was refused"),
            Err(_) => tracing::debug!(%remote, "a PROXY header took too long"),
        }
    }

    async fn secured<S>(self, stream: S, remote: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let peer = Peer { remote: Some(remote), ..Peer::default() };
        let Some(tls) = &self.serving.tls else { return self.http(stream, peer).await };
        match timeout(HANDSHAKE_MAX, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => {
                let proven = certificates::proven(stream.get_ref().1.peer_certificates());
                self.http(stream, Peer { certificates: proven.into(), ..peer }).await;
            }
            Ok(Err(problem)) => tracing::debug!(%remote, %problem, "no TLS connection"),
            Err(_) => tracing::debug!(%remote, "a TLS handshake took too long"),
        }
    }

    async fn http<S>(self, stream: S, peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { face, serving, mut stop } = self;
        let timeouts = serving.config.load().timeouts;
        let (activity, remote) = (Activity::new(), peer.remote);
        let stream = TokioIo::new(Watched { stream, activity: activity.clone() });
        let watched = activity.clone();
        let first = Arc::new(Notify::new());
        let came = Arc::clone(&first);
        let node = Arc::clone(&face);
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let (face, serving, peer) = (Arc::clone(&face), Arc::clone(&serving), peer.clone());
            let running = watched.request(request.version() == Version::HTTP_2);
            if !face.is_sealed() {
                watched.confided();
            }
            came.notify_one();
            async move {
                let answer = face.answer(request, &peer, &serving.config.load_full()).await;
                Ok::<_, std::convert::Infallible>(answer.map(|body| body.of(running)))
            }
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        // The connection's activity has the timers.
        builder.http1().header_read_timeout(None).half_close(false);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(256)
            .keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE);
        let mut connection = pin!(builder.serve_connection(stream, service));
        let reason = loop {
            tokio::select! {
                // The request that is here already is read first: asked to end before that, the connection would drop it.
                biased;
                ended = connection.as_mut() => {
                    if let Err(problem) = ended {
                        tracing::debug!(?remote, %problem, "a connection ended early");
                    }
                    return;
                }
                _ = stop.wait_for(|stop| *stop) => break None,
                () = sleep(Activity::interval(&timeouts)) => {
                    if let Some(reason) = activity.overdue(&timeouts) {
                        break Some(reason);
                    }
                    if node.is_sealed() && activity.keeps_secrets() {
                        break Some("the node was sealed");
                    }
                }
            }
        };
        if reason.is_none() {
            // Let in just before, its first request is on its way: closed now, nobody could tell whether it was read.
            tokio::select! {
                biased;
                ended = connection.as_mut() => return drop(ended),
                () = first.notified() => {}
                () = sleep(FAREWELL) => {}
            }
        }
        connection.as_mut().graceful_shutdown();
        match reason {
            // The server stops: what is open is answered, within the time that the listener gives.
            None => drop(connection.await),
            Some(reason) => {
                tracing::debug!(?remote, reason, "a connection was closed");
                let _ = timeout(FAREWELL, connection).await;
            }
        }
    }
}
