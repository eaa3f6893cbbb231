//! A certificate for a server that is tried on this machine, and the authority that vouches for it.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::cli::failure::Failure;
use crate::config::TlsFiles;

pub struct Certificates {
    authority: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Certificates {
    /// Under the names that Vault gives these files.
    pub fn make(folder: &Path, address: IpAddr, more: &[String]) -> Result<Certificates, Failure> {
        let unmade = |error: rcgen::Error| Failure::Server(format!("Error making a certificate: {error}"));
        let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        if !address.is_unspecified() && !address.is_loopback() {
            names.push(address.to_string());
        }
        names.extend(more.iter().cloned());
        let mut authority = CertificateParams::new(Vec::new()).map_err(unmade)?;
        authority.distinguished_name.push(DnType::CommonName, "Holdfast: servers for trying things");
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let own = KeyPair::generate().map_err(unmade)?;
        let authority = CertifiedIssuer::self_signed(authority, own).map_err(unmade)?;
        let key = KeyPair::generate().map_err(unmade)?;
        let certificate = CertificateParams::new(names).map_err(unmade)?.signed_by(&key, &authority).map_err(unmade)?;
        Ok(Certificates {
            authority: write(folder, "vault-ca.pem", &authority.pem())?,
            certificate: write(folder, "vault-cert.pem", &certificate.pem())?,
            key: write(folder, "vault-key.pem", &key.serialize_pem())?,
        })
    }

    pub fn authority(&self) -> &Path {
        &self.authority
    }

    pub fn files(&self) -> TlsFiles {
        TlsFiles { client_asked: false, ..TlsFiles::new(self.certificate.clone(), self.key.clone()) }
    }

    pub fn trusted(&self) -> Result<reqwest::Certificate, Failure> {
        let pem = fs::read(&self.authority).map_err(|error| Failure::file(&self.authority, error))?;
        reqwest::Certificate::from_pem(&pem).map_err(|error| Failure::Server(format!("Error setting up TLS: {error}")))
    }
}

fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf, Failure> {
    let file = folder.join(name);
    // An older file keeps its rights when it is opened; it is made anew.
    let _ = fs::remove_file(&file);
    let opened = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file);
    let written = opened.and_then(|mut open| std::io::Write::write_all(&mut open, text.as_bytes()));
    written.map_err(|error| Failure::Server(format!("Error writing {}: {error}", file.display())))?;
    Ok(file)
}
