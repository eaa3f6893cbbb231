//! A certificate authority of one test, and a certificate for the loopback address.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// A name in the certificate that no resolver knows.
pub const ELSEWHERE: &str = "elsewhere.holdfast.invalid";

/// Files of PEM text in one folder.
pub struct Certificates {
    pub ca: PathBuf,
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Certificates {
    pub fn make(folder: &Path) -> Certificates {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        // A name of its own: OpenSSL takes a certificate whose issuer has its own name for self-signed.
        authority.distinguished_name.push(DnType::CommonName, "the authority of one test");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned(), ELSEWHERE.to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
        let write = |name: &str, text: String| {
            let file = folder.join(name);
            fs::write(&file, text).unwrap();
            file
        };
        Certificates {
            ca: write("ca.pem", authority.pem()),
            certificate: write("tls.pem", certificate.pem()),
            key: write("tls.key", key.serialize_pem()),
        }
    }
}
