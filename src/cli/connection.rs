//! Which server a command talks to, and as whom.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use reqwest::{Certificate, Identity};
use zeroize::Zeroizing;

use super::client::Client;
use super::environment;
use super::failure::Failure;

/// The flags that every command of an operator has.
#[derive(Args, Default)]
pub struct Connection {
    /// The server's URL; else HOLDFAST_ADDR or VAULT_ADDR
    #[arg(long, value_name = "URL")]
    address: Option<String>,
    /// File with the certificates of who may have issued the server's; else VAULT_CACERT
    #[arg(long, value_name = "FILE")]
    ca_cert: Option<PathBuf>,
    /// This client's certificate; else VAULT_CLIENT_CERT
    #[arg(long, value_name = "FILE")]
    client_cert: Option<PathBuf>,
    /// The key of this client's certificate; else VAULT_CLIENT_KEY
    #[arg(long, value_name = "FILE")]
    client_key: Option<PathBuf>,
    /// Trust any certificate; else VAULT_SKIP_VERIFY
    #[arg(long)]
    tls_skip_verify: bool,
    /// The namespace; else VAULT_NAMESPACE
    #[arg(long, visible_alias = "ns", value_name = "PATH")]
    namespace: Option<String>,
}

const DEFAULT_ADDRESS: &str = "https://127.0.0.1:8200";

impl Connection {
    pub fn client(&self) -> Result<Client, Failure> {
        let mut tls = reqwest::Client::builder();
        for certificate in self.roots()? {
            tls = tls.add_root_certificate(certificate);
        }
        if let Some(identity) = self.identity()? {
            tls = tls.identity(identity);
        }
        let trusting = self.tls_skip_verify || environment::flag("SKIP_VERIFY");
        let address = self.address.clone().or_else(|| environment::setting("ADDR"));
        let namespace = self.namespace.clone().or_else(|| environment::setting("NAMESPACE"));
        Client::new(
            tls.danger_accept_invalid_certs(trusting),
            &address.unwrap_or_else(|| DEFAULT_ADDRESS.to_owned()),
            token(),
            namespace.filter(|path| path != "root"),
        )
    }

    /// Those of the file, or else those that the system trusts.
    fn roots(&self) -> Result<Vec<Certificate>, Failure> {
        let Some(file) = self.ca_cert.clone().or_else(|| environment::setting("CACERT").map(PathBuf::from)) else {
            // One that cannot be read is one that vouches for nobody.
            let trusted = rustls_native_certs::load_native_certs().certs;
            return Ok(trusted.iter().filter_map(|der| Certificate::from_der(der).ok()).collect());
        };
        let text = fs::read(&file).map_err(|error| Failure::file(&file, error))?;
        let found = Certificate::from_pem_bundle(&text).unwrap_or_default();
        if found.is_empty() {
            return Err(Failure::usage(format!(
                "Error reading {}: it holds no certificate in PEM form",
                file.display()
            )));
        }
        Ok(found)
    }

    fn identity(&self) -> Result<Option<Identity>, Failure> {
        let given =
            |flag: &Option<PathBuf>, name| flag.clone().or_else(|| environment::setting(name).map(PathBuf::from));
        let (certificate, key) = match (given(&self.client_cert, "CLIENT_CERT"), given(&self.client_key, "CLIENT_KEY"))
        {
            (Some(certificate), Some(key)) => (certificate, key),
            (None, None) => return Ok(None),
            _ => return Err(Failure::usage("A client certificate and its key must be given together")),
        };
        let mut pem = Zeroizing::new(fs::read(&certificate).map_err(|error| Failure::file(&certificate, error))?);
        pem.push(b'\n');
        pem.extend_from_slice(&Zeroizing::new(fs::read(&key).map_err(|error| Failure::file(&key, error))?));
        let unusable = |error| Failure::usage(format!("Error reading {}: {error}", certificate.display()));
        Identity::from_pem(&pem).map(Some).map_err(unusable)
    }
}

/// From the environment, or from the file where a login leaves it.
fn token() -> Option<Zeroizing<String>> {
    if let Some(token) = environment::setting("TOKEN") {
        return Some(Zeroizing::new(token));
    }
    let text = Zeroizing::new(fs::read_to_string(environment::home()?.join(".vault-token")).ok()?);
    let token = text.trim();
    (!token.is_empty()).then(|| Zeroizing::new(token.to_owned()))
}
