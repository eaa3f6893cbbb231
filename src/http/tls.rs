//! TLS of the API listeners. Files are read when a listener is bound and again on SIGHUP; connections that are open keep
//! what they began with.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, kx_group};
use rustls::server::{NoClientAuth, WebPkiClientVerifier, danger::ClientCertVerifier};
use rustls::{NamedGroup, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::certificates::AnyCertificate;
use crate::config::{TlsFiles, TlsVersion};

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{} cannot be read as PEM: {problem}", file.display())]
    File { file: PathBuf, problem: String },
    #[error("certificate {} and key {} do not make a TLS server: {problem}", certificate.display(), key.display())]
    Pair { certificate: PathBuf, key: PathBuf, problem: String },
    #[error("this machine's own list of trusted authorities cannot be used: {problem}")]
    Trusted { problem: String },
}

/// What a listener speaks TLS with, now.
pub struct Tls {
    files: TlsFiles,
    current: ArcSwap<Made>,
}

/// What the files have made.
pub struct Made {
    config: Arc<rustls::ServerConfig>,
    /// The certificate's end, in seconds since 1970; unknown for a form that clients may understand and this server does not.
    not_after: Option<u64>,
}

impl Tls {
    pub fn read(files: &TlsFiles) -> Result<Tls, TlsError> {
        Ok(Tls { files: files.clone(), current: ArcSwap::from(made(files)?) })
    }

    /// Reads the files again. If they are no good, all stays as it was.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.take(self.read_again()?);
        Ok(())
    }

    /// What the files make now, not in use yet.
    pub fn read_again(&self) -> Result<Arc<Made>, TlsError> {
        made(&self.files)
    }

    pub fn take(&self, made: Arc<Made>) {
        self.current.store(made);
    }

    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current.load().config))
    }

    pub fn not_after(&self) -> Option<u64> {
        self.current.load().not_after
    }

    pub fn files(&self) -> &TlsFiles {
        &self.files
    }
}

fn made(files: &TlsFiles) -> Result<Arc<Made>, TlsError> {
    let chain = certificates(&files.certificate)?;
    let not_after = chain.first().and_then(|certificate| {
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
        u64::try_from(parsed.validity().not_after.timestamp()).ok()
    });
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|e| unreadable(&files.key, e))?;
    let provider = Arc::new(provider(files));
    let pair = |e: rustls::Error| TlsError::Pair {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        problem: e.to_string(),
    };
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions(files))
        .map_err(pair)?
        .with_client_cert_verifier(client_verifier(files, &provider)?)
        .with_single_cert(chain, key)
        .map_err(pair)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(Made { config: Arc::new(config), not_after }))
}

fn versions(files: &TlsFiles) -> Vec<&'static SupportedProtocolVersion> {
    let all = [(TlsVersion::Tls13, &rustls::version::TLS13), (TlsVersion::Tls12, &rustls::version::TLS12)];
    let spoken = all.into_iter().filter(|(version, _)| (files.min_version..=files.max_version).contains(version));
    spoken.map(|(_, version)| version).collect()
}

/// The library's own, without what the configuration leaves out.
fn provider(files: &TlsFiles) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    if let Some(chosen) = &files.cipher_suites {
        provider.cipher_suites.retain(|suite| {
            let name = format!("{:?}", suite.suite());
            name.starts_with("TLS13_") || chosen.contains(&name)
        });
    }
    if let Some(chosen) = &files.key_exchange {
        provider.kx_groups = chosen.iter().filter_map(|group| key_exchange(*group)).collect();
    }
    provider
}

fn key_exchange(group: NamedGroup) -> Option<&'static dyn rustls::crypto::SupportedKxGroup> {
    let all = [
        kx_group::X25519,
        kx_group::SECP256R1,
        kx_group::SECP384R1,
        kx_group::X25519MLKEM768,
        kx_group::SECP256R1MLKEM768,
    ];
    all.into_iter().find(|known| known.name() == group)
}

fn client_verifier(files: &TlsFiles, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    if !files.client_asked {
        return Ok(Arc::new(NoClientAuth));
    }
    if !files.client_required {
        return Ok(Arc::new(AnyCertificate { algorithms: provider.signature_verification_algorithms }));
    }
    let trusted = Arc::new(trusted(files.client_ca.as_deref())?);
    let verifier = WebPkiClientVerifier::builder_with_provider(trusted, Arc::clone(provider)).build();
    match verifier {
        Ok(verifier) => Ok(verifier),
        Err(problem) => Err(TlsError::Trusted { problem: problem.to_string() }),
    }
}

fn trusted(file: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(file) => {
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(|e| unreadable(file, e))?;
            }
        }
        // What this machine trusts and the library cannot read is left out: it is not this server's to mend.
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    Ok(roots)
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
