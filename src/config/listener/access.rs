//! What a listener asks of those who come, and what it tells those who show no token.

use super::super::declared::Key;
use super::super::declared::Takes::{Flag, List, Word};
use super::super::problem::ConfigError;
use super::super::section::Section;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// `require_request_header`
    pub request_header: bool,
    pub redaction: Redaction,
    pub cors: Option<Cors>,
}

/// What is left out of the status that anybody may ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Redaction {
    /// `redact_addresses`
    pub addresses: bool,
    /// `redact_cluster_name`
    pub cluster_name: bool,
    /// `redact_version`
    pub version: bool,
}

/// Which web pages may talk to this listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    /// `cors_allowed_origins`; `*` is all.
    pub origins: Vec<String>,
    /// `cors_allowed_headers`, beyond those that clients of this API send.
    pub headers: Vec<String>,
    /// `cors_allow_credentials`
    pub credentials: bool,
}

pub const KEYS: &[Key] = &[
    Key::new(
        "require_request_header",
        Flag,
        "false",
        "A request needs the header `X-Vault-Request: true`, which a browser led astray does not send; without it, 412.",
    ),
    Key::new("redact_addresses", Flag, "false", "`sys/leader` tells no addresses without a valid token."),
    Key::new(
        "redact_cluster_name",
        Flag,
        "false",
        "`sys/health` and `sys/seal-status` tell no name of the cluster without a valid token.",
    ),
    Key::new(
        "redact_version",
        Flag,
        "false",
        "`sys/health` and `sys/seal-status` tell no version without a valid token.",
    ),
    Key::new(
        "cors_enabled",
        Flag,
        "false",
        "Web pages of `cors_allowed_origins` may talk to this listener, others may not.",
    ),
    Key::new("cors_allowed_origins", List, "", "The pages' origins, such as `https://ui.example.com`, or `*` alone."),
    Key::new("cors_allowed_headers", List, "", "Headers that they may send beyond those of this API."),
    Key::new("cors_allow_credentials", Flag, "false", "They may send what the browser keeps for this server."),
    Key::new("role", Word, "default", "`metrics_only` means what `metrics_only` in `telemetry` does."),
];

pub(super) fn read(section: &Section<'_>) -> Result<Access, ConfigError> {
    let set = |key| Ok(section.flag(key)?.unwrap_or(false));
    Ok(Access {
        request_header: set("require_request_header")?,
        redaction: Redaction {
            addresses: set("redact_addresses")?,
            cluster_name: set("redact_cluster_name")?,
            version: set("redact_version")?,
        },
        cors: cors(section)?,
    })
}

fn cors(section: &Section<'_>) -> Result<Option<Cors>, ConfigError> {
    let enabled = section.flag("cors_enabled")?.unwrap_or(false);
    let entry = section.entry("cors_allowed_origins");
    let list = |entry: Option<super::super::section::Entry<'_>>| entry.map_or(Ok(Vec::new()), |entry| entry.list());
    let origins = list(entry)?;
    let headers = list(section.entry("cors_allowed_headers"))?;
    let credentials = section.flag("cors_allow_credentials")?.unwrap_or(false);
    if let Some(entry) = entry.filter(|_| origins.len() > 1 && origins.iter().any(|origin| origin == "*")) {
        return Err(entry.bad("it must be \"*\" alone, or origins without it"));
    }
    Ok(enabled.then_some(Cors { origins, headers, credentials }))
}
