//! `tls_*`: what a listener shows to clients, and what it asks of them.

use std::path::PathBuf;
use std::time::Duration;

use rustls::NamedGroup;
use rustls::crypto::aws_lc_rs;

use super::super::declared::Key;
use super::super::declared::Takes::{Duration as Time, Flag, List, Path, Word};
use super::super::declared::Why::{NotOffered, Obsolete};
use super::super::problem::{ConfigError, Warning};
use super::super::section::Section;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// `tls_cert_file`: the certificate, then those that lead to its root.
    pub certificate: PathBuf,
    /// `tls_key_file`
    pub key: PathBuf,
    /// `tls_min_version`
    pub min_version: TlsVersion,
    /// `tls_max_version`
    pub max_version: TlsVersion,
    /// `tls_cipher_suites`, by the names that rustls has for them. `None`: all.
    pub cipher_suites: Option<Vec<String>>,
    /// `tls_key_exchange_preferences`. `None`: all, in the library's order.
    pub key_exchange: Option<Vec<NamedGroup>>,
    /// `tls_client_ca_file`
    pub client_ca: Option<PathBuf>,
    /// `tls_require_and_verify_client_cert`
    pub client_required: bool,
    /// False with `tls_disable_client_certs`: a client is not asked for a certificate.
    pub client_asked: bool,
    /// `tls_auto_reload`: how often the files are looked at.
    pub look_again: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    Tls12,
    Tls13,
}

impl TlsFiles {
    /// These files, with everything else as it is without keys.
    pub fn new(certificate: PathBuf, key: PathBuf) -> TlsFiles {
        TlsFiles {
            certificate,
            key,
            min_version: TlsVersion::Tls12,
            max_version: TlsVersion::Tls13,
            cipher_suites: None,
            key_exchange: None,
            client_ca: None,
            client_required: false,
            client_asked: true,
            look_again: None,
        }
    }
}

const LOOK_AGAIN: Duration = Duration::from_secs(30);
const LOOK_AGAIN_MIN: Duration = Duration::from_secs(5);

pub const KEYS: &[Key] = &[
    Key::new("tls_disable", Flag, "false", "Speaks HTTP in the clear."),
    Key::new(
        "tls_cert_file",
        Path,
        "",
        "The certificate, then those that lead to its root, as a PEM file. Required unless TLS is disabled. SIGHUP reads \
         the file again; another path waits for the next start.",
    ),
    Key::new("tls_key_file", Path, "", "The key that belongs to it, as a PEM file, read again like it."),
    Key::new(
        "tls_auto_reload",
        Flag,
        "false",
        "Looks at both files from time to time and reads them again when they change.",
    ),
    Key::new("tls_auto_reload_interval", Time, "30s", "How often; at least `5s`."),
    Key::new("tls_min_version", Word, "tls12", "The oldest version of TLS that is spoken: `tls12` or `tls13`."),
    Key::new("tls_max_version", Word, "tls13", "The newest version of TLS that is spoken: `tls12` or `tls13`."),
    Key::new(
        "tls_cipher_suites",
        List,
        "",
        "The suites of TLS 1.2 that are spoken, such as `TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256`; those of TLS 1.3 are not chosen.",
    ),
    Key::new(
        "tls_key_exchange_preferences",
        List,
        "",
        "The key exchanges that are spoken, the preferred first: `X25519MLKEM768`, `SecP256r1MLKEM768`, `X25519`, \
         `CurveP256`, `CurveP384`.",
    ),
    Key::new(
        "tls_require_and_verify_client_cert",
        Flag,
        "false",
        "A client must show a certificate that leads to one of `tls_client_ca_file`, or else to one that this machine \
         trusts. Otherwise a client is asked for a certificate, and what it shows is kept for logins and not verified.",
    ),
    Key::new("tls_client_ca_file", Path, "", "Who may have issued the certificates of clients, as a PEM file."),
    Key::new("tls_disable_client_certs", Flag, "false", "A client is not asked for a certificate."),
    Key::ignored("tls_prefer_server_cipher_suites", Obsolete, "the server's order always counts"),
    Key::ignored("tls_acme_cache_path", NotOffered, ACME),
    Key::ignored("tls_acme_ca_directory", NotOffered, ACME),
    Key::ignored("tls_acme_test_ca_directory", NotOffered, ACME),
    Key::ignored("tls_acme_ca_root", NotOffered, ACME),
    Key::ignored("tls_acme_eab_key_id", NotOffered, ACME),
    Key::ignored("tls_acme_eab_mac_key", NotOffered, ACME),
    Key::ignored("tls_acme_key_type", NotOffered, ACME),
    Key::ignored("tls_acme_email", NotOffered, ACME),
    Key::ignored("tls_acme_domains", NotOffered, ACME),
    Key::ignored("tls_acme_disable_http_challenge", NotOffered, ACME),
    Key::ignored("tls_acme_disable_alpn_challenge", NotOffered, ACME),
];

const ACME: &str = "certificates come from `tls_cert_file`; let an ACME client write it and set `tls_auto_reload`";

/// Suites that others offer and this library, for their age, does not.
const OLD_SUITES: &[&str] = &["_CBC_SHA", "_CBC_SHA256", "_CBC_SHA384", "_RC4_128_SHA"];

pub(super) fn read(section: &Section<'_>, warnings: &mut Vec<Warning>) -> Result<Option<TlsFiles>, ConfigError> {
    let disabled = section.flag("tls_disable")?.unwrap_or(false);
    let (certificate, key) = (section.path("tls_cert_file")?, section.path("tls_key_file")?);
    let client_ca = section.path("tls_client_ca_file")?;
    let required = section.entry("tls_require_and_verify_client_cert");
    let client_required = required.map(|entry| entry.flag()).transpose()?.unwrap_or(false);
    let clients_off = section.flag("tls_disable_client_certs")?.unwrap_or(false);
    let min_version = version(section, "tls_min_version", TlsVersion::Tls12)?;
    let max_version = version(section, "tls_max_version", TlsVersion::Tls13)?;
    let cipher_suites = cipher_suites(section, warnings)?;
    let key_exchange = key_exchange(section)?;
    let look_again = look_again(section)?;
    if disabled {
        return Ok(None);
    }
    let missing = |key| ConfigError::MissingKey {
        place: section.place(),
        block: section.name.clone(),
        key,
        wanted: "TLS needs `tls_cert_file` and `tls_key_file`; `tls_disable = true` does without",
    };
    if let Some(entry) = required.filter(|_| client_required && clients_off) {
        return Err(
            entry.bad("client certificates cannot be required and, by `tls_disable_client_certs`, not asked for")
        );
    }
    if min_version > max_version {
        let problem = "`tls_min_version` is newer than `tls_max_version`: no version is left".to_owned();
        return Err(ConfigError::BadBlock { place: section.place(), problem });
    }
    Ok(Some(TlsFiles {
        certificate: certificate.ok_or_else(|| missing("tls_cert_file"))?,
        key: key.ok_or_else(|| missing("tls_key_file"))?,
        min_version,
        max_version,
        cipher_suites,
        key_exchange,
        client_ca,
        client_required,
        client_asked: !clients_off,
        look_again,
    }))
}

fn version(section: &Section<'_>, key: &'static str, default: TlsVersion) -> Result<TlsVersion, ConfigError> {
    let Some(entry) = section.entry(key) else { return Ok(default) };
    match entry.text()?.as_str() {
        "" => Ok(default),
        "tls12" => Ok(TlsVersion::Tls12),
        "tls13" => Ok(TlsVersion::Tls13),
        _ => Err(entry.bad("it must be tls12 or tls13; older versions are not offered")),
    }
}

fn cipher_suites(section: &Section<'_>, warnings: &mut Vec<Warning>) -> Result<Option<Vec<String>>, ConfigError> {
    let Some(entry) = section.entry("tls_cipher_suites") else { return Ok(None) };
    let offered: Vec<String> =
        aws_lc_rs::ALL_CIPHER_SUITES.iter().map(|suite| format!("{:?}", suite.suite())).collect();
    let mut chosen = Vec::new();
    for name in entry.list()? {
        if offered.contains(&name) {
            chosen.push(name);
        } else if OLD_SUITES.iter().any(|old| name.ends_with(old)) {
            let problem = format!("`tls_cipher_suites`: {name} is too old to be offered and is left out");
            warnings.push(Warning::Adjusted { place: entry.place(), problem });
        } else if !name.starts_with("TLS_AES_") && !name.starts_with("TLS_CHACHA20_") {
            let names: Vec<&str> = offered.iter().filter(|name| name.starts_with("TLS_")).map(String::as_str).collect();
            return Err(entry.bad(format!("{name} is not offered; there are {}", names.join(", "))));
        }
    }
    Ok(Some(chosen).filter(|chosen| !chosen.is_empty()))
}

fn key_exchange(section: &Section<'_>) -> Result<Option<Vec<NamedGroup>>, ConfigError> {
    let Some(entry) = section.entry("tls_key_exchange_preferences") else { return Ok(None) };
    let mut chosen = Vec::new();
    for name in entry.list()? {
        chosen.push(match name.as_str() {
            "X25519" => NamedGroup::X25519,
            "CurveP256" => NamedGroup::secp256r1,
            "CurveP384" => NamedGroup::secp384r1,
            "X25519MLKEM768" => NamedGroup::X25519MLKEM768,
            "SecP256r1MLKEM768" => NamedGroup::secp256r1MLKEM768,
            _ => {
                return Err(
                    entry.bad("its entries must be X25519MLKEM768, SecP256r1MLKEM768, X25519, CurveP256 or CurveP384")
                );
            }
        });
    }
    Ok(Some(chosen).filter(|chosen| !chosen.is_empty()))
}

fn look_again(section: &Section<'_>) -> Result<Option<Duration>, ConfigError> {
    let wanted = section.flag("tls_auto_reload")?.unwrap_or(false);
    let interval = match section.entry("tls_auto_reload_interval") {
        None => LOOK_AGAIN,
        Some(entry) => {
            let interval = entry.duration()?;
            if interval < LOOK_AGAIN_MIN {
                return Err(entry.bad("it must be at least \"5s\""));
            }
            interval
        }
    };
    Ok(wanted.then_some(interval))
}
