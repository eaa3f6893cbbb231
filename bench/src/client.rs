//! One client: a connection over TLS that is kept, and opened again when it broke.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{0} is not a PEM file of certificates: {1}")]
    Ca(String, rustls_pki_types::pem::Error),
    #[error(transparent)]
    Rustls(#[from] rustls::Error),
}

pub fn tls(ca: &Path) -> Result<Arc<ClientConfig>, TlsError> {
    let unreadable = |e| TlsError::Ca(ca.display().to_string(), e);
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).map_err(unreadable)? {
        roots.add(certificate.map_err(unreadable)?)?;
    }
    let versions = &[&rustls::version::TLS13];
    let mut config =
        ClientConfig::builder_with_protocol_versions(versions).with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

pub struct Client {
    address: SocketAddr,
    tls: TlsConnector,
    sender: Option<SendRequest<Full<Bytes>>>,
}

/// How a request went wrong, in few kinds so that they can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failed {
    Connect,
    Tls,
    Http,
    Status(u16),
}

impl Client {
    pub fn new(address: SocketAddr, tls: Arc<ClientConfig>) -> Self {
        Self { address, tls: TlsConnector::from(tls), sender: None }
    }

    pub fn hang_up(&mut self) {
        self.sender = None;
    }

    /// Opens the connection if there is none.
    pub async fn connect(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, Failed> {
        if self.sender.as_ref().is_none_or(SendRequest::is_closed) {
            let tcp = TcpStream::connect(self.address).await.map_err(|_| Failed::Connect)?;
            tcp.set_nodelay(true).map_err(|_| Failed::Connect)?;
            let name = ServerName::IpAddress(self.address.ip().into());
            let tls = self.tls.connect(name, tcp).await.map_err(|_| Failed::Tls)?;
            let (sender, connection) = handshake(TokioIo::new(tls)).await.map_err(|_| Failed::Http)?;
            tokio::spawn(connection);
            self.sender = Some(sender);
        }
        Ok(self.sender.as_mut().expect("it was just set"))
    }

    /// The whole answer, read and counted: how many bytes its body had.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<usize, Failed> {
        let answered = self.exchange(request).await;
        if matches!(answered, Err(Failed::Http)) {
            self.hang_up();
        }
        answered
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<usize, Failed> {
        let sender = self.connect().await?;
        sender.ready().await.map_err(|_| Failed::Http)?;
        let answer = sender.send_request(request).await.map_err(|_| Failed::Http)?;
        let status = answer.status();
        let mut body = answer.into_body();
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            length += frame.map_err(|_| Failed::Http)?.data_ref().map_or(0, Bytes::len);
        }
        if status.is_success() { Ok(length) } else { Err(Failed::Status(status.as_u16())) }
    }
}
