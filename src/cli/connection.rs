//! From flags and the environment to a client: which server, what vouches for it, who asks.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Certificate, ClientBuilder, Identity};
use zeroize::Zeroizing;

use super::client::{Client, ServerName, with_causes};
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

pub fn client(globals: &Globals) -> Result<Client, Failure> {
    let address = globals.address.clone().or_else(|| environment::setting("ADDR"));
    let address = address.unwrap_or_else(|| DEFAULT_ADDRESS.to_owned());
    let server_name = globals.tls_server_name.clone().or_else(|| environment::setting("TLS_SERVER_NAME"));
    let server_name = server_name.map(ServerName::new);
    let mut http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_WITHIN)
        .read_timeout(SILENT_AT_MOST)
        .tcp_keepalive(STILL_THERE)
        .danger_accept_invalid_certs(globals.tls_skip_verify || environment::flag("SKIP_VERIFY"));
    http = trusting(http, globals)?;
    if let Some(identity) = identity(globals)? {
        http = http.identity(identity);
    }
    if let Some(name) = &server_name {
        // The same name may mean another node in the next request.
        http = http.dns_resolver(Arc::new(name.clone())).pool_max_idle_per_host(0);
    }
    let socket = address.strip_prefix("unix://").map(str::to_owned);
    if let Some(socket) = &socket {
        http = http.unix_socket(socket.as_str());
    }
    let http = http.build();
    let http = http.map_err(|error| Failure::usage(format!("Error setting up TLS: {}", with_causes(&error))))?;
    let address = if socket.is_some() { BEHIND_A_SOCKET } else { &address };
    Ok(Client::new(http, address, globals.manner()?, server_name)?.with_token(token_file::token()?))
}

/// Those of the file, the variable or the folder; else those that the system trusts.
fn trusting(mut http: ClientBuilder, globals: &Globals) -> Result<ClientBuilder, Failure> {
    let path = |flag: &Option<PathBuf>, name| flag.clone().or_else(|| environment::setting(name).map(PathBuf::from));
    let certificates = if let Some(file) = path(&globals.ca_cert, "CACERT") {
        of_file(&file)?
    } else if let Some(text) = environment::setting("CACERT_BYTES") {
        bundle(text.as_bytes(), "VAULT_CACERT_BYTES")?
    } else if let Some(folder) = path(&globals.ca_path, "CAPATH") {
        of_folder(&folder)?
    } else {
        roots::of_this_machine()
    };
    for certificate in certificates {
        http = http.add_root_certificate(certificate);
    }
    Ok(http)
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

fn identity(globals: &Globals) -> Result<Option<Identity>, Failure> {
    let given = |flag: &Option<PathBuf>, name| flag.clone().or_else(|| environment::setting(name).map(PathBuf::from));
    let pair = (given(&globals.client_cert, "CLIENT_CERT"), given(&globals.client_key, "CLIENT_KEY"));
    let (certificate, key) = match pair {
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
