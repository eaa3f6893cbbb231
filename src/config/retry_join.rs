//! Members that a new node may ask to let it in.

use std::path::PathBuf;

use super::address::{self, ApiAddress};
use super::declared::Takes::{Address, Path, Text};
use super::declared::Why::NotOffered;
use super::declared::{Key, Table};
use super::problem::{ConfigError, Warning};
use super::section::Section;

/// One `retry_join` block. All of them are tried, again and again, until one succeeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryJoin {
    /// `leader_api_addr`: any member will do.
    pub leader: ApiAddress,
    /// `leader_ca_cert_file` or `leader_ca_cert`: who may have issued the member's certificate.
    pub ca: Option<Pem>,
    /// `leader_client_cert_file` or `leader_client_cert`, and the key that belongs to it.
    pub client: Option<(Pem, Pem)>,
    /// `leader_tls_servername`: the name expected in the certificate instead of the address's host.
    pub server_name: Option<String>,
}

/// A PEM text, or the file that holds it. Has no `Debug` that shows the text: it may be a private key.
#[derive(Clone, PartialEq, Eq)]
pub enum Pem {
    File(PathBuf),
    Text(String),
}

impl std::fmt::Debug for Pem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Pem::File(file) => write!(f, "Pem::File({})", file.display()),
            Pem::Text(_) => f.write_str("Pem::Text"),
        }
    }
}

pub const TABLE: Table = Table {
    label: "",
    about: "A member that a new node asks to let it in. All of them are tried, again and again, until one does.",
    keys: &[&[
        Key::new("leader_api_addr", Address, "", "The URL of a member; any will do. Required."),
        Key::new("leader_ca_cert_file", Path, "", "Who may have issued the member's certificate, as a PEM file."),
        Key::new("leader_ca_cert", Text, "", "The same, as PEM text."),
        Key::new(
            "leader_client_cert_file",
            Path,
            "",
            "The certificate that this node shows to the member, as a PEM file.",
        ),
        Key::new("leader_client_cert", Text, "", "The same, as PEM text."),
        Key::new("leader_client_key_file", Path, "", "The key that belongs to it, as a PEM file."),
        Key::new("leader_client_key", Text, "", "The same, as PEM text."),
        Key::new(
            "leader_tls_servername",
            Text,
            "",
            "The name expected in the member's certificate instead of the address's host.",
        ),
        Key::ignored("auto_join", NotOffered, "clouds are not asked for members; name them in `leader_api_addr`"),
        Key::ignored("auto_join_scheme", NotOffered, "it belongs to `auto_join`"),
        Key::ignored("auto_join_port", NotOffered, "it belongs to `auto_join`"),
    ]],
};

pub(super) fn read(storage: &Section<'_>, warnings: &mut Vec<Warning>) -> Result<Vec<RetryJoin>, ConfigError> {
    let mut found = Vec::new();
    for (_, section) in storage.blocks("retry_join")? {
        let wanted = "it is the URL of a member, such as \"https://10.0.0.1:8200\"";
        let missing = || ConfigError::MissingKey {
            place: section.place(),
            block: section.name.clone(),
            key: "leader_api_addr",
            wanted,
        };
        let entry = section.entry("leader_api_addr").ok_or_else(missing)?;
        let leader = address::api(&entry.text()?).ok_or_else(|| entry.bad(wanted))?;
        let ca = pem(&section, "leader_ca_cert_file", "leader_ca_cert")?;
        let certificate = pem(&section, "leader_client_cert_file", "leader_client_cert")?;
        let key = pem(&section, "leader_client_key_file", "leader_client_key")?;
        let client = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => {
                let problem = "a client certificate and its key must be given together".to_owned();
                return Err(ConfigError::BadBlock { place: section.place(), problem });
            }
        };
        found.push(RetryJoin { leader, ca, client, server_name: section.text("leader_tls_servername")? });
        section.finish(warnings)?;
    }
    Ok(found)
}

fn pem(section: &Section<'_>, file: &'static str, text: &'static str) -> Result<Option<Pem>, ConfigError> {
    let (path, inline) = (section.path(file)?, section.entry(text));
    match (path, inline) {
        (Some(_), Some(entry)) => Err(entry.bad_unseen(format!("give either `{text}` or `{file}`, not both"))),
        (Some(path), None) => Ok(Some(Pem::File(path))),
        (None, Some(entry)) => {
            let text = entry.text()?;
            if text.is_empty() {
                return Ok(None);
            }
            if !text.contains("-----BEGIN ") {
                return Err(entry.bad_unseen("it must be PEM text, with its BEGIN and END lines"));
            }
            Ok(Some(Pem::Text(text)))
        }
        (None, None) => Ok(None),
    }
}
