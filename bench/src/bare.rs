//! The bare server: TLS, HTTP/1.1 and a fixed KiB. Whatever a request costs more than here is the product's own doing.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

static BODY: [u8; 1024] = [b'x'; 1024];

/// Until it is killed.
pub fn serve(address: SocketAddr, certificate: &Path, key: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind(address).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(tls) = acceptor.accept(stream).await else { return };
                let answer =
                    service_fn(|_| async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(&BODY)))) });
                // A client that hangs up ends its connection, and nothing else.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(tls), answer).await;
            });
        }
    })
}
