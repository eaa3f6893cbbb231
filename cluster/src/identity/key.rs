//! The node's private key: one file, made at the first start, readable by its owner alone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use super::PublicKey;

#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("the node key {path} could not be read or written: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("the node key {path} can be read by others (mode {mode:o}); it must have mode 600")]
    TooOpen { path: PathBuf, mode: u32 },
    #[error("{path} does not hold an Ed25519 key in PKCS #8: {reason}")]
    NotAKey { path: PathBuf, reason: String },
}

/// The key pair, and the certificate that wraps it in the handshake.
pub struct NodeKey {
    pair: KeyPair,
    public: PublicKey,
    certificate: CertificateDer<'static>,
}

impl NodeKey {
    /// Reads the key at `path`, or makes one there.
    pub fn open(path: &Path) -> Result<Self, KeyFileError> {
        let io = |source| KeyFileError::Io { path: path.to_owned(), source };
        let not_a_key = |reason: String| KeyFileError::NotAKey { path: path.to_owned(), reason };
        let pair = match File::open(path) {
            Ok(file) => {
                let mode = file.metadata().map_err(io)?.permissions().mode() & 0o777;
                if mode & 0o077 != 0 {
                    return Err(KeyFileError::TooOpen { path: path.to_owned(), mode });
                }
                let bytes = Zeroizing::new(fs::read(path).map_err(io)?);
                let der = PrivatePkcs8KeyDer::from(bytes.as_slice());
                KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_ED25519).map_err(|e| not_a_key(e.to_string()))?
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let pair = KeyPair::generate_for(&PKCS_ED25519).map_err(|e| not_a_key(e.to_string()))?;
                write_once(path, pair.serialized_der()).map_err(io)?;
                pair
            }
            Err(e) => return Err(io(e)),
        };
        Self::of(pair).map_err(not_a_key)
    }

    fn of(pair: KeyPair) -> Result<Self, String> {
        let public = pair.public_key_raw().try_into().map_err(|_| "its public half has not 32 bytes".to_owned())?;
        let params = CertificateParams::new(vec!["holdfast".to_owned()]).map_err(|e| e.to_string())?;
        let certificate = params.self_signed(&pair).map_err(|e| e.to_string())?.der().clone();
        Ok(Self { pair, public, certificate })
    }

    pub fn public(&self) -> PublicKey {
        self.public
    }

    pub fn id(&self) -> u64 {
        super::node_id(&self.public)
    }

    pub(super) fn certificate(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    pub(super) fn private(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.pair.serialized_der().to_vec()).into()
    }
}

/// A crash leaves either no key or a whole one.
fn write_once(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    match fs::remove_file(&fresh) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}
