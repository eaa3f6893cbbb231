//! TLS of the API listeners.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::server::{NoClientAuth, WebPkiClientVerifier, danger::ClientCertVerifier};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::{TlsFiles, TlsVersion};

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{} cannot be read as PEM: {problem}", file.display())]
    File { file: PathBuf, problem: String },
    #[error("certificate {} and key {} do not make a TLS server: {problem}", certificate.display(), key.display())]
    Pair { certificate: PathBuf, key: PathBuf, problem: String },
}

pub fn server_config(files: &TlsFiles) -> Result<Arc<rustls::ServerConfig>, TlsError> {
    let chain = certificates(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|e| unreadable(&files.key, e))?;
    let versions: &[&rustls::SupportedProtocolVersion] = match files.min_version {
        TlsVersion::Tls13 => &[&rustls::version::TLS13],
        _ => &[&rustls::version::TLS13, &rustls::version::TLS12],
    };
    let pair = |e: rustls::Error| TlsError::Pair {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        problem: e.to_string(),
    };
    let mut config = rustls::ServerConfig::builder_with_protocol_versions(versions)
        .with_client_cert_verifier(client_verifier(files)?)
        .with_single_cert(chain, key)
        .map_err(pair)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn client_verifier(files: &TlsFiles) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let Some(ca) = files.client_ca.as_ref().filter(|_| files.client_asked) else { return Ok(Arc::new(NoClientAuth)) };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca)? {
        roots.add(certificate).map_err(|e| unreadable(ca, e))?;
    }
    let builder = WebPkiClientVerifier::builder(Arc::new(roots));
    let builder = if files.client_required { builder } else { builder.allow_unauthenticated() };
    let verifier = builder.build().map_err(|e| unreadable(ca, e))?;
    Ok(verifier)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).map_err(|e| unreadable(file, e))?.collect();
    let all = all.map_err(|e| unreadable(file, e))?;
    if all.is_empty() {
        return Err(unreadable(file, "it has no certificate"));
    }
    Ok(all)
}

fn unreadable(file: &Path, problem: impl ToString) -> TlsError {
    TlsError::File { file: file.to_owned(), problem: problem.to_string() }
}
