//! TLS: what clients show is not judged unless the configuration says so.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::json;
use tokio_rustls::TlsConnector;

use super::{exchange, listening, plain, request, status};
use crate::harness::{Cluster, Transport};

/// A certificate of version 1, made by `openssl x509 -req` without extensions, and its key.
const VERSION_1: &str = include_str!("version1.pem");

/// Shows one certificate, whoever is acceptable to the server.
#[derive(Debug)]
struct Shows(Option<Arc<CertifiedKey>>);

impl ResolvesClientCert for Shows {
    fn resolve(&self, _issuers: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.clone()
    }

    fn has_certs(&self) -> bool {
        self.0.is_some()
    }
}

fn shows(certificate: CertificateDer<'static>, key: PrivateKeyDer<'_>) -> Shows {
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap();
    Shows(Some(Arc::new(CertifiedKey::new(vec![certificate], key))))
}

fn made(change: impl FnOnce(&mut CertificateParams)) -> (CertificateDer<'static>, KeyPair) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "a client");
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (certificate.der().clone(), key)
}

fn key(pair: &KeyPair) -> PrivateKeyDer<'_> {
    PrivateKeyDer::try_from(pair.serialized_der()).unwrap()
}

/// The status of a request made by a client that shows this, or why there was no connection.
async fn ask(cluster: &Cluster, shows: Shows, versions: &[&'static SupportedProtocolVersion]) -> Result<u16, String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(cluster.ca().unwrap()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_protocol_versions(versions)
        .with_root_certificates(roots)
        .with_client_cert_resolver(Arc::new(shows));
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, plain(cluster).await).await;
    let stream = stream.map_err(|problem| problem.to_string())?;
    let answer = exchange(stream, request("").as_bytes()).await;
    status(&answer).ok_or_else(|| "closed".to_owned())
}

const BOTH: [&[&SupportedProtocolVersion]; 2] = [&[&rustls::version::TLS13], &[&rustls::version::TLS12]];

#[tokio::test]
async fn any_certificate_may_be_shown() {
    let cluster = listening(Transport::Tls, json!({}), json!({})).await;
    for versions in BOTH {
        assert_eq!(ask(&cluster, Shows(None), versions).await, Ok(200), "none");
        let (certificate, pair) = made(|_| ());
        assert_eq!(ask(&cluster, shows(certificate, key(&pair)), versions).await, Ok(200), "self-signed");
        let (certificate, pair) = made(|params| params.not_after = date_time_ymd(2001, 1, 1));
        assert_eq!(ask(&cluster, shows(certificate, key(&pair)), versions).await, Ok(200), "expired");
        let certificate = CertificateDer::from_pem_slice(VERSION_1.as_bytes()).unwrap();
        let old = PrivateKeyDer::from_pem_slice(VERSION_1.as_bytes()).unwrap();
        assert_eq!(ask(&cluster, shows(certificate, old), versions).await, Ok(200), "version 1");
        let junk = CertificateDer::from(vec![0x30, 0x03, 0x02, 0x01, 0x05]);
        assert_eq!(ask(&cluster, shows(junk, key(&pair)), versions).await, Ok(200), "no certificate at all");
    }
}

#[tokio::test]
async fn a_certificate_whose_key_is_not_held_ends_the_handshake() {
    let cluster = listening(Transport::Tls, json!({}), json!({})).await;
    let ((stolen, _), (_, own)) = (made(|_| ()), made(|_| ()));
    for versions in BOTH {
        assert!(ask(&cluster, shows(stolen.clone(), key(&own)), versions).await.is_err());
        let version_1 = CertificateDer::from_pem_slice(VERSION_1.as_bytes()).unwrap();
        assert!(ask(&cluster, shows(version_1, key(&own)), versions).await.is_err());
    }
}

#[tokio::test]
async fn a_certificate_that_is_required_is_verified() {
    let folder = tempfile::tempdir().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.distinguished_name.push(DnType::CommonName, "the authority of clients");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let mut leaf = CertificateParams::new(Vec::new()).unwrap();
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let leaf_key = KeyPair::generate().unwrap();
    let leaf = leaf.signed_by(&leaf_key, &authority).unwrap();
    let ca = folder.path().join("clients.pem");
    std::fs::write(&ca, authority.pem()).unwrap();
    let listener = json!({ "tls_require_and_verify_client_cert": true, "tls_client_ca_file": ca.to_str() });
    let mut cluster = Cluster::configured(1, Transport::Tls, &json!({}));
    super::change(&cluster, |config| super::merge(&mut config["listener"][0]["tcp"], &listener));
    cluster.nodes[0].launch();
    crate::harness::until("the port should be open", async || {
        tokio::net::TcpStream::connect(("127.0.0.1", cluster.nodes[0].api_port)).await.ok().map(drop)
    })
    .await;
    for versions in BOTH {
        assert_eq!(ask(&cluster, shows(leaf.der().clone(), key(&leaf_key)), versions).await, Ok(200));
        assert!(ask(&cluster, Shows(None), versions).await.is_err());
        let (own, pair) = made(|_| ());
        assert!(ask(&cluster, shows(own, key(&pair)), versions).await.is_err());
    }
}

#[tokio::test]
async fn versions_and_suites_are_chosen() {
    let old = json!({ "tls_max_version": "tls12", "tls_cipher_suites": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "tls_key_exchange_preferences": ["CurveP384"] });
    let cluster = listening(Transport::Tls, old, json!({})).await;
    assert!(ask(&cluster, Shows(None), BOTH[0]).await.is_err());
    assert_eq!(ask(&cluster, Shows(None), BOTH[1]).await, Ok(200));
    let new = listening(Transport::Tls, json!({ "tls_min_version": "tls13" }), json!({})).await;
    assert_eq!(ask(&new, Shows(None), BOTH[0]).await, Ok(200));
    assert!(ask(&new, Shows(None), BOTH[1]).await.is_err());
}
