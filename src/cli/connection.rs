//! From flags and the environment to a client: which server, what vouches for it, who asks.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use remote_error::with_causes;
use reqwest::{Certificate, Identity};
use zeroize::Zeroizing;

use super::client::{Client, Manner, ServerName};
use super::environment;
use super::failure::Failure;
use super::globals::Globals;
use super::token_file;
use crate::roots;

const DEFAULT_ADDRESS: &str = "https://127.0.0.1:8200";
/// What stands for a server that is reached through a socket of this machine.
const BEHIND_A_SOCKET: &str = "http://localhost";
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Of a stream: how long nothing may come. A large backup is loaded before its restore is answered.
const SILENT_AT_MOST: Duration = Duration::from_secs(30 * 60);
/// Finds out about a peer that is gone without a word.
const STILL_THERE: Duration = Duration::from_secs(30);
/// Of a folder of certificates.
const FILES_MOST: usize = 10_000;

/// A server as a command is told of it.
pub struct Peer {
    pub address: Option<String>,
    pub server_name: Option<String>,
    pub skip_verify: bool,
    pub ca_cert: Option<PathBuf>,
    ca_bytes: Option<String>,
    ca_path: Option<PathBuf>,
    pub client_cert: Option<PathBuf>,
    pub client_key: Option<PathBuf>,
}

pub fn client(globals: &Globals) -> Result<Client, Failure> {
    let peer = Peer::of_environment("");
    let peer = Peer {
        address: globals.address.clone().or(peer.address),
        server_name: globals.tls_server_name.clone().or(peer.server_name),
        skip_verify: globals.tls_skip_verify || peer.skip_verify,
        ca_cert: globals.ca_cert.clone().or(peer.ca_cert),
        ca_bytes: peer.ca_bytes,
        ca_path: globals.ca_path.clone().or(peer.ca_path),
        client_cert: globals.client_cert.clone().or(peer.client_cert),
        client_key: globals.client_key.clone().or(peer.client_key),
    };
    Ok(peer.client(globals.manner()?)?.with_token(token_file::token()?))
}

impl Peer {
    /// `prefix` goes before the name of each setting.
    pub fn of_environment(prefix: &str) -> Peer {
        let setting = |name: &str| environment::setting(&format!("{prefix}{name}"));
        let file = |name: &str| setting(name).map(PathBuf::from);
        Peer {
            address: setting("ADDR"),
            server_name: setting("TLS_SERVER_NAME"),
            skip_verify: environment::flag(&format!("{prefix}SKIP_VERIFY")),
            ca_cert: file("CACERT"),
            ca_bytes: setting("CACERT_BYTES"),
            ca_path: file("CAPATH"),
            client_cert: file("CLIENT_CERT"),
            client_key: file("CLIENT_KEY"),
        }
    }

    /// A client without a token.
    pub fn client(self, manner: Manner) -> Result<Client, Failure> {
        let address = self.address.as_deref().unwrap_or(DEFAULT_ADDRESS);
        let server_name = self.server_name.clone().map(ServerName::new);
        let mut http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_WITHIN)
            .read_timeout(SILENT_AT_MOST)
            .tcp_keepalive(STILL_THERE)
            .danger_accept_invalid_certs(self.skip_verify);
        for certificate in self.trusted()? {
            http = http.add_root_certificate(certificate);
        }
        if let Some(identity) = self.identity()? {
            http = http.identity(identity);
        }
        if let Some(name) = &server_name {
            // The same name may mean another node in the next request.
            http = http.dns_resolver(Arc::new(name.clone())).pool_max_idle_per_host(0);
        }
        let socket = address.strip_prefix("unix://");
        if let Some(socket) = socket {
            http = http.unix_socket(socket);
        }
        let http = http.build();
        let http = http.map_err(|error| Failure::usage(format!("Error setting up TLS: {}", with_causes(&error))))?;
        Client::new(http, if socket.is_some() { BEHIND_A_SOCKET } else { address }, manner, server_name)
    }

    /// Those of the file, the variable or the folder; else those that the system trusts.
    fn trusted(&self) -> Result<Vec<Certificate>, Failure> {
        if let Some(file) = &self.ca_cert {
            of_file(file)
        } else if let Some(text) = &self.ca_bytes {
            bundle(text.as_bytes(), "VAULT_CACERT_BYTES")
        } else if let Some(folder) = &self.ca_path {
            of_folder(folder)
        } else {
            Ok(roots::of_this_machine())
        }
    }

    fn identity(&self) -> Result<Option<Identity>, Failure> {
        let (certificate, key) = match (&self.client_cert, &self.client_key) {
            (Some(certificate), Some(key)) => (certificate, key),
            (None, None) => return Ok(None),
            _ => return Err(Failure::usage("A client certificate and its key must be given together")),
        };
        let mut pem = Zeroizing::new(fs::read(certificate).map_err(|error| Failure::file(certificate, error))?);
        pem.push(b'\n');
        pem.extend_from_slice(&Zeroizing::new(fs::read(key).map_err(|error| Failure::file(key, error))?));
        let unusable = |error| Failure::usage(format!("Error reading {}: {error}", certificate.display()));
        Identity::from_pem(&pem).map(Some).map_err(unusable)
    }
}

fn of_file(file: &Path) -> Result<Vec<Certificate>, Failure> {
    let text = fs::read(file).map_err(|error| Failure::file(file, error))?;
    bundle(&text, &file.display().to_string())
}

fn bundle(pem: &[u8], from: &str) -> Result<Vec<Certificate>, Failure> {
    let found = Certificate::from_pem_bundle(pem).unwrap_or_default();
    if found.is_empty() {
        return Err(Failure::usage(format!("Error reading {from}: it holds no certificate in PEM form")));
    }
    Ok(found)
}

/// Files without a certificate are passed over: such folders hold links and notes too.
fn of_folder(folder: &Path) -> Result<Vec<Certificate>, Failure> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| Failure::file(folder, error))?.take(FILES_MOST).flatten() {
        let text = fs::read(entry.path()).unwrap_or_default();
        found.extend(Certificate::from_pem_bundle(&text).unwrap_or_default());
    }
    if found.is_empty() {
        return Err(Failure::usage(format!("Error reading {}: no file in it holds a certificate", folder.display())));
    }
    Ok(found)
}
