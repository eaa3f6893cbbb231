//! `seal "transit"`: a key of another server's transit engine.

use std::path::PathBuf;

use reqwest::Url;

use super::{COMMON, Secret};
use crate::config::declared::Takes::{Flag, Path, Text};
use crate::config::declared::{Key, Table};
use crate::config::environment::{setting, variable};
use crate::config::problem::{ConfigError, Warning};
use crate::config::section::{Entry, Section};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransitSeal {
    pub address: String,
    pub token: TokenAt,
    pub key_name: String,
    pub mount_path: String,
    pub namespace: Option<String>,
    pub renew: bool,
    pub tls: TransitTls,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenAt {
    Here(Secret),
    /// It is read for each call.
    File(PathBuf),
}

/// How the other server is believed to be itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransitTls {
    pub ca: Option<PathBuf>,
    pub client: Option<(PathBuf, PathBuf)>,
    pub server_name: Option<String>,
    pub skip_verify: bool,
}

pub const TRANSIT: Table = Table {
    label: "transit",
    about: "The root key is wrapped by a key of the transit engine of another server, a Holdfast, a Vault or an OpenBao: nodes unseal and \
            join by themselves while it answers. The token needs `update` on `<mount_path>/encrypt/<key_name>` and on `decrypt`, and \
            not `create`, with which a deleted key would come back as another one. `sys/init` gives recovery keys, which unseal as \
            well. With several such blocks the environment is not looked at.",
    keys: &[
        &[
            Key::new("address", Text, "", "The other server's URL, which should begin with https. A proxy of the environment is not used. Required.")
                .after("`VAULT_TRANSIT_SEAL_ADDR`; where neither is given, `VAULT_ADDR`"),
            Key::new(
                "token",
                Text,
                "",
                "The token that it is asked with; or `file://` and a path, which is read for each call, or `env://` and the name \
                 of a variable. Required.",
            )
            .after("`VAULT_TRANSIT_SEAL_TOKEN`; where neither is given, `VAULT_TOKEN`"),
            Key::new("key_name", Text, "", "The key there. Required.").after("`VAULT_TRANSIT_SEAL_KEY_NAME`"),
            Key::new("mount_path", Text, "", "Where the engine is mounted there. Required.")
                .after("`VAULT_TRANSIT_SEAL_MOUNT_PATH`"),
            Key::new("namespace", Text, "", "The namespace there.").after("where it is not given, `VAULT_NAMESPACE`"),
            Key::new(
                "disable_renewal",
                Flag,
                "false",
                "The token is kept alive by somebody else. Otherwise it is renewed when half of its life is over.",
            )
            .after("`VAULT_TRANSIT_SEAL_DISABLE_RENEWAL`"),
            Key::new("tls_ca_cert", Path, "", "The authority that vouches for the other server, in PEM. Without it, those that \
                 this machine trusts.")
                .after("where it is not given, `VAULT_CACERT`"),
            Key::new("tls_client_cert", Path, "", "A certificate to show there, in PEM.")
                .after("where it is not given, `VAULT_CLIENT_CERT`"),
            Key::new("tls_client_key", Path, "", "The key of that certificate, in PEM.")
                .after("where it is not given, `VAULT_CLIENT_KEY`"),
            Key::new("tls_server_name", Text, "", "The name in the other server's certificate, if it is not the address's.")
                .after("where it is not given, `VAULT_TLS_SERVER_NAME`"),
            Key::new("tls_skip_verify", Flag, "false", "Believes whoever answers, who then learns the root key.")
                .after("where it is not given, `VAULT_SKIP_VERIFY`"),
        ],
        COMMON,
    ],
};

/// The environment is looked at if `alone`: it does not say which of several is meant.
pub(super) fn read(
    section: &Section<'_>,
    alone: bool,
    warnings: &mut Vec<Warning>,
) -> Result<TransitSeal, ConfigError> {
    let from = Values { section, alone };
    let client = match (from.path("tls_client_cert", "CLIENT_CERT")?, from.path("tls_client_key", "CLIENT_KEY")?) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => {
            let problem = "`tls_client_cert` and `tls_client_key` must be given together".to_owned();
            return Err(ConfigError::BadBlock { place: section.place(), problem });
        }
    };
    let address = from.environment("TRANSIT_SEAL_ADDR").or(from.text("address")?).or(from.environment("ADDR"));
    let address = from.required(address, "address", "give the URL of the server that has the key")?;
    let bad = |problem: String| ConfigError::BadBlock { place: section.place(), problem };
    if !is_url(&address) {
        return Err(bad(format!("`address` is {address:?}: it must be a URL, such as \"https://kms.example:8200\"")));
    }
    if address.starts_with("http://") {
        let problem = "`address` begins with http: whoever is on the way reads the root key and the token; use https";
        warnings.push(Warning::Dangerous { place: section.place(), problem: problem.to_owned() });
    }
    let key_name = from.required(
        from.environment("TRANSIT_SEAL_KEY_NAME").or(from.text("key_name")?),
        "key_name",
        "give the name of the key in the transit engine",
    )?;
    if !is_segment(&key_name) {
        return Err(bad(format!(
            "`key_name` is {key_name:?}: it must be a key's name, of letters, digits, '-', '_' and '.'"
        )));
    }
    let mount_path = from.required(
        from.environment("TRANSIT_SEAL_MOUNT_PATH").or(from.text("mount_path")?),
        "mount_path",
        "give the path that the transit engine is mounted at, such as \"transit\"",
    )?;
    if !mount_path.trim_matches('/').split('/').all(is_segment) {
        return Err(bad(format!("`mount_path` is {mount_path:?}: it must be a path, such as \"transit\"")));
    }
    Ok(TransitSeal {
        address,
        token: from.token()?,
        key_name,
        mount_path,
        namespace: from.text("namespace")?.or(from.environment("NAMESPACE")),
        renew: !from.flag("disable_renewal", from.environment("TRANSIT_SEAL_DISABLE_RENEWAL"), None)?,
        tls: TransitTls {
            ca: from.path("tls_ca_cert", "CACERT")?,
            client,
            server_name: from.text("tls_server_name")?.or(from.environment("TLS_SERVER_NAME")),
            skip_verify: from.flag("tls_skip_verify", None, from.environment("SKIP_VERIFY"))?,
        },
    })
}

fn is_url(text: &str) -> bool {
    text.parse::<Url>().is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
}

/// Of a path that a URL is made of.
pub fn is_segment(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !text.is_empty() && text.bytes().all(inner) && !text.starts_with('.')
}

struct Values<'a, 'b> {
    section: &'a Section<'b>,
    alone: bool,
}

impl Values<'_, '_> {
    fn environment(&self, name: &str) -> Option<String> {
        setting(name).filter(|_| self.alone)
    }

    fn text(&self, key: &'static str) -> Result<Option<String>, ConfigError> {
        Ok(self.section.text(key)?.filter(|text| !text.is_empty()))
    }

    fn path(&self, key: &'static str, instead: &str) -> Result<Option<PathBuf>, ConfigError> {
        Ok(self.section.path(key)?.or_else(|| self.environment(instead).map(PathBuf::from)))
    }

    fn flag(&self, key: &'static str, before: Option<String>, instead: Option<String>) -> Result<bool, ConfigError> {
        let written = self.section.flag(key)?;
        let truth = |text: String| matches!(text.to_lowercase().as_str(), "1" | "t" | "true");
        Ok(before.map(truth).or(written).or(instead.map(truth)).unwrap_or(false))
    }

    fn required(&self, given: Option<String>, key: &'static str, wanted: &'static str) -> Result<String, ConfigError> {
        let (place, block) = (self.section.place(), self.section.name.clone());
        given.filter(|given| !given.is_empty()).ok_or(ConfigError::MissingKey { place, block, key, wanted })
    }

    fn token(&self) -> Result<TokenAt, ConfigError> {
        let entry = self.section.entry("token");
        if let Some(token) = self.environment("TRANSIT_SEAL_TOKEN") {
            return Ok(TokenAt::Here(Secret::new(token)));
        }
        if let Some(entry) = entry {
            return written(&entry);
        }
        let token =
            self.required(self.environment("TOKEN"), "token", "give the token that the other server is asked with")?;
        Ok(TokenAt::Here(Secret::new(token)))
    }
}

fn written(entry: &Entry<'_>) -> Result<TokenAt, ConfigError> {
    let text = entry.text()?;
    if let Some(path) = text.strip_prefix("file://") {
        return Ok(TokenAt::File(PathBuf::from(path)));
    }
    let token = match text.strip_prefix("env://") {
        None => text,
        Some(name) => variable(name)
            .ok_or_else(|| entry.bad_unseen(format!("the environment has no variable {name:?} with a text")))?,
    };
    if token.trim().is_empty() {
        Err(entry.bad_unseen("it must not be empty"))
    } else {
        Ok(TokenAt::Here(Secret::new(token)))
    }
}
