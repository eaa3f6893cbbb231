use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;

fn key() -> NodeKey {
    let folder = tempfile::tempdir().unwrap();
    NodeKey::open(&folder.path().join("node.key")).unwrap()
}

fn pins(of: &[&NodeKey]) -> Arc<Pins> {
    let pins = Pins::default();
    pins.set(of.iter().map(|k| (k.id(), k.public())), RemovedKeys::default());
    Arc::new(pins)
}

/// Whether `client`, believing it talks to `target`, gets a byte from `server`, and whose key the server saw.
async fn meet(
    server: rustls::ServerConfig,
    client: rustls::ClientConfig,
) -> (Result<(), std::io::Error>, Result<PublicKey, std::io::Error>) {
    let (a, b): (DuplexStream, DuplexStream) = duplex(64 * 1024);
    let serving = async {
        let mut tls = TlsAcceptor::from(Arc::new(server)).accept(a).await?;
        let seen = peer_key(&tls.get_ref().1.peer_certificates().unwrap()[0]).unwrap();
        tls.write_all(b"!").await?;
        tls.flush().await?;
        Ok(seen)
    };
    let asking = async {
        let name = ServerName::try_from("holdfast").unwrap();
        let mut tls = TlsConnector::from(Arc::new(client)).connect(name, b).await?;
        tls.read_u8().await.map(|_| ())
    };
    tokio::join!(asking, serving)
}

#[test]
fn a_key_is_made_once_and_kept_private() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.key");
    let first = NodeKey::open(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(NodeKey::open(&path).unwrap().public(), first.public());
    assert_eq!(first.id(), node_id(&first.public()));

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(NodeKey::open(&path), Err(KeyFileError::TooOpen { mode: 0o640, .. })));
}

#[test]
fn what_is_no_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.key");
    std::fs::write(&path, b"not a key").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(NodeKey::open(&path), Err(KeyFileError::NotAKey { .. })));
}

#[test]
fn a_key_is_a_members_a_removed_ones_or_a_strangers() {
    let (a, b) = (key(), key());
    let removed = RemovedKeys::default().after([a.public(), b.public()].iter(), [a.public()].iter()).unwrap();
    let pins = Pins::default();
    pins.set([(a.id(), a.public())], removed.clone());
    assert_eq!(pins.known(&a.public()), Known::Member(a.id()));
    assert_eq!(pins.known(&b.public()), Known::Removed);
    assert_eq!(pins.known(&key().public()), Known::Unknown);
    pins.set([(a.id(), a.public()), (b.id(), b.public())], removed);
    assert_eq!(pins.known(&b.public()), Known::Member(b.id()));
}

#[tokio::test]
async fn pinned_keys_meet() {
    let (server, client) = (key(), key());
    let (asked, seen) =
        meet(server_config(&server, pins(&[&client])).unwrap(), client_config(&client, server.public()).unwrap()).await;
    asked.unwrap();
    assert_eq!(seen.unwrap(), client.public());
}

#[tokio::test]
async fn an_unknown_client_is_refused_in_the_handshake() {
    let (server, client, stranger) = (key(), key(), key());
    let (asked, seen) =
        meet(server_config(&server, pins(&[&client])).unwrap(), client_config(&stranger, server.public()).unwrap())
            .await;
    assert!(asked.is_err());
    assert!(seen.is_err());
}

#[tokio::test]
async fn a_server_with_another_key_is_refused() {
    let (server, client, expected) = (key(), key(), key());
    let (asked, _) =
        meet(server_config(&server, pins(&[&client])).unwrap(), client_config(&client, expected.public()).unwrap())
            .await;
    assert!(asked.is_err());
}

#[tokio::test]
async fn a_removed_key_completes_the_handshake() {
    let (server, client) = (key(), key());
    let pins = Pins::default();
    let removed = RemovedKeys::default().after([client.public()].iter(), [].iter()).unwrap();
    pins.set([(server.id(), server.public())], removed);
    let pins = Arc::new(pins);
    let (asked, _) =
        meet(server_config(&server, pins).unwrap(), client_config(&client, server.public()).unwrap()).await;
    asked.unwrap();
}

/// A certificate that shows a pinned key, presented by somebody who does not hold it.
#[tokio::test]
async fn a_borrowed_certificate_is_refused() {
    let (server, client, thief) = (key(), key(), key());
    let mut config = client_config(&thief, server.public()).unwrap();
    config.client_auth_cert_resolver = Arc::new(Borrowed(Arc::new(rustls::sign::CertifiedKey::new(
        vec![client.certificate()],
        rustls::crypto::aws_lc_rs::sign::any_supported_type(&thief.private()).unwrap(),
    ))));
    let (asked, seen) = meet(server_config(&server, pins(&[&client])).unwrap(), config).await;
    assert!(asked.is_err());
    assert!(seen.is_err());
}

#[derive(Debug)]
struct Borrowed(Arc<rustls::sign::CertifiedKey>);

impl rustls::client::ResolvesClientCert for Borrowed {
    fn resolve(
        &self,
        _hints: &[&[u8]],
        _schemes: &[rustls::SignatureScheme],
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
