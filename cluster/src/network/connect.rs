//! One lane to one peer: an HTTP/2 connection over TLS that is opened when first used and again after it broke.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::identity::ALPN;

/// Must be called inside the runtime that is to drive the connection.
pub fn lane(address: String, tls: Arc<ClientConfig>) -> Channel {
    let connector = tower::service_fn(move |_: Uri| -> Connecting {
        let (address, tls) = (address.clone(), tls.clone());
        Box::pin(async move {
            let connecting = connect(&address, tls);
            timeout(CONNECT, connecting).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
        })
    });
    // The connector knows the address; HTTP needs some name to speak of.
    Endpoint::from_static("http://holdfast")
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE_ANSWER)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .connect_with_connector_lazy(connector)
}

type Connecting = Pin<Box<dyn Future<Output = io::Result<TokioIo<TlsStream<TcpStream>>>> + Send>>;

async fn connect(address: &str, tls: Arc<ClientConfig>) -> io::Result<TokioIo<TlsStream<TcpStream>>> {
    #[cfg(feature = "faults")]
    let address = &*crate::under_test::dialled(address);
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from("holdfast").map_err(io::Error::other)?;
    let stream = TlsConnector::from(tls).connect(name, stream).await?;
    if stream.get_ref().1.alpn_protocol() != Some(ALPN) {
        return Err(io::Error::other("the peer speaks another protocol on its cluster port"));
    }
    Ok(TokioIo::new(stream))
}

const CONNECT: Duration = Duration::from_secs(2);
const KEEPALIVE: Duration = Duration::from_secs(1);
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(3);
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;
