//! Audit devices that stand in the configuration, and what devices made through the API may reach.
//!
//! `audit "file" "name" { description = "…" options { file_path = "…" } }`: the first label is the device's kind, the
//! second its path. What the options mean is core's to say; `docs/AUDIT.md` describes them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hcl::Kind;
use holdfast_core::audit::{ApiRules, KINDS, Plan};

use super::declared::Takes::{Flag, List, Path, Text, Word};
use super::declared::Why::NotOffered;
use super::declared::{Key, Table};
use super::problem::{ConfigError, Warning};
use super::section::{Entry, Section};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditDevice {
    /// Without the slash at its end.
    pub path: String,
    pub kind: String,
    pub description: String,
    /// As they are written.
    pub options: BTreeMap<String, String>,
    /// What they come to.
    pub plan: Plan,
}

/// At the top of the configuration.
pub const API: &[Key] = &[
    Key::new(
        "unsafe_allow_api_audit_creation",
        Flag,
        "false",
        "`sys/audit` can make audit devices: those that write to standard output, syslog or nowhere. Files and other \
         machines take the next two keys, each of which allows `sys/audit` by itself.",
    ),
    Key::new("audit_api_folders", List, "", "Folders that files of audit devices made through the API may be in."),
    Key::new(
        "audit_api_targets",
        List,
        "",
        "Where audit devices made through the API may send entries: `tcp://host:port`, `udp://host:port`, `unix:///path` \
         or URIs. One that ends in `/` stands for all that begin with it.",
    ),
    Key::new(
        "allow_audit_log_prefixing",
        Flag,
        "false",
        "Audit devices made through the API may have a `prefix`. Those of the configuration always may.",
    ),
];

const COMMON: &[Key] = &[
    Key::new("log_raw", Flag, "", "Secrets are written as they are. Without it they are hashed."),
    Key::new("hmac_accessor", Flag, "", "Accessors are hashed, unless this is false."),
    Key::new("elide_list_responses", Flag, "", "Of a listing the number of keys is written instead of the keys."),
    Key::new("prefix", Text, "", "Written before each line."),
    Key::new("filter", Text, "", "Which entries the device takes, such as `mount_type == kv`; see AUDIT.md."),
    Key::new("fallback", Flag, "", "The device takes what no other device takes. One device at most."),
    Key::new("format", Word, "", "`json`, which it is without the key too."),
    Key::new(
        "delivery",
        Word,
        "",
        "`required`, `any` (without the key) or `best-effort`: whether requests depend on this device, on any of those, or \
         not on it.",
    ),
    Key::new("write_timeout", Text, "", "How long one entry may take, up to a minute. Without it two seconds."),
    Key::refused("exclude", "entries are written whole; leave it out"),
];

const DEVICE: &[Key] = &[
    Key::new("description", Text, "", "What people read about the device."),
    Key::ignored("local", NotOffered, "every device of the configuration is this node's own"),
    Key::ignored("type", NotOffered, "the block's first label says it"),
];

/// One for each kind.
pub const TABLES: &[&Table] = &[&FILE, &SOCKET, &SYSLOG, &HTTP];

static FILE: Table = Table {
    label: "file",
    about: "Entries are appended to a file. The second label is the device's path.",
    keys: &[DEVICE, &[Key::blocks("options", 0, &[&FILE_OPTIONS])]],
};

static FILE_OPTIONS: Table = Table {
    label: "",
    about: "Where the file is and what its lines look like.",
    keys: &[
        COMMON,
        &[
            Key::new("file_path", Path, "", "The file. `stdout` and `discard` mean what they say."),
            Key::new("path", Path, "", "The same under another name."),
            Key::new("mode", Text, "", "The file's permissions in octal. Without it a file made here has 0600."),
            Key::new("sync", Flag, "", "An entry counts as written when it is on the disk."),
        ],
    ],
};

static SOCKET: Table = Table {
    label: "socket",
    about: "Entries are sent to a socket. The second label is the device's path.",
    keys: &[DEVICE, &[Key::blocks("options", 0, &[&SOCKET_OPTIONS])]],
};

static SOCKET_OPTIONS: Table = Table {
    label: "",
    about: "Where the socket is and what is sent.",
    keys: &[
        COMMON,
        &[
            Key::new("address", Text, "", "host:port, or the path of a unix socket."),
            Key::new("socket_type", Word, "", "`tcp` (without the key), `udp`, `unix` or `unixgram`."),
        ],
    ],
};

static SYSLOG: Table = Table {
    label: "syslog",
    about: "Entries go to the machine's syslog. The second label is the device's path.",
    keys: &[DEVICE, &[Key::blocks("options", 0, &[&SYSLOG_OPTIONS])]],
};

static SYSLOG_OPTIONS: Table = Table {
    label: "",
    about: "How syslog is to file the entries.",
    keys: &[
        COMMON,
        &[
            Key::new("facility", Word, "", "`AUTH` without the key, or `DAEMON`, `LOCAL0` and so on."),
            Key::new("tag", Text, "", "Before each entry; `holdfast` without the key."),
        ],
    ],
};

static HTTP: Table = Table {
    label: "http",
    about: "Entries are posted to a URI, one each. The second label is the device's path.",
    keys: &[DEVICE, &[Key::blocks("options", 0, &[&HTTP_OPTIONS])]],
};

static HTTP_OPTIONS: Table = Table {
    label: "",
    about: "Where entries are posted. `env://NAME` and `file://path` stand for a variable's value and a file's text.",
    keys: &[
        COMMON,
        &[
            Key::new("uri", Text, "", "Where to."),
            Key::new("headers", Text, "", "JSON of lists by name: `{\"Authorization\": [\"env://TOKEN\"]}`."),
        ],
    ],
};

pub(super) fn read(top: &Section<'_>, warnings: &mut Vec<Warning>) -> Result<Vec<AuditDevice>, ConfigError> {
    let mut devices: Vec<AuditDevice> = Vec::new();
    for (labels, section) in top.blocks("audit")? {
        let (kind, path) = (labels[0].clone(), labels[1].trim_end_matches('/').to_owned());
        let wrong = |problem| ConfigError::BadBlock { place: section.place(), problem };
        if !KINDS.contains(&kind.as_str()) {
            return Err(wrong(format!("there is no audit {kind:?}; there are {}", KINDS.join(", "))));
        }
        if path.is_empty() || path.contains("//") {
            return Err(wrong(format!("the audit device's path {:?} is not a path", labels[1])));
        }
        if devices.iter().any(|known| known.path == path) {
            return Err(wrong(format!("two audit devices have the path {path:?}: each needs one of its own")));
        }
        let description = section.text("description")?.unwrap_or_default();
        let mut options = BTreeMap::new();
        for (_, given) in section.blocks("options")? {
            for key in of(&kind).all().filter(|key| key.is_read()) {
                options.extend(given.text(key.name)?.map(|value| (key.name.to_owned(), value)));
            }
            given.finish(warnings)?;
        }
        let plan = Plan::parse(&kind, &resolved(&kind, &options).map_err(wrong)?).map_err(|error| wrong(error.0))?;
        section.finish(warnings)?;
        devices.push(AuditDevice { path, kind, description, options, plan });
    }
    Ok(devices)
}

fn of(kind: &str) -> &'static Table {
    match kind {
        "socket" => &SOCKET_OPTIONS,
        "syslog" => &SYSLOG_OPTIONS,
        "http" => &HTTP_OPTIONS,
        _ => &FILE_OPTIONS,
    }
}

/// With what `env://` and `file://` stand for, where a credential may be.
fn resolved(kind: &str, options: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, String> {
    let mut options = options.clone();
    if kind != "http" {
        return Ok(options);
    }
    if let Some(uri) = options.get_mut("uri") {
        *uri = value_of(uri)?;
    }
    // What is no such JSON is refused by whoever reads the options.
    if let Some(text) = options.get_mut("headers")
        && let Ok(mut headers) = serde_json::from_str::<BTreeMap<String, Vec<String>>>(text)
    {
        for value in headers.values_mut().flatten() {
            *value = value_of(value)?;
        }
        *text = serde_json::to_string(&headers).map_err(|e| e.to_string())?;
    }
    Ok(options)
}

#[expect(clippy::disallowed_methods, reason = "the configuration names the variable")]
fn value_of(text: &str) -> Result<String, String> {
    if let Some(name) = text.strip_prefix("env://") {
        return std::env::var(name).map_err(|_| format!("the variable {name} of {text:?} is not set"));
    }
    if let Some(path) = text.strip_prefix("file://") {
        let read = std::fs::read_to_string(path).map_err(|e| format!("the file {path} cannot be read: {e}"))?;
        return Ok(read.trim_end().to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn api(top: &Section<'_>) -> Result<ApiRules, ConfigError> {
    let list = |key| top.entry(key).map_or(Ok(Vec::new()), |entry| list(&entry));
    let folders: Vec<PathBuf> = list("audit_api_folders")?.into_iter().map(PathBuf::from).collect();
    let targets = list("audit_api_targets")?;
    let allowed = top.flag("unsafe_allow_api_audit_creation")?.unwrap_or(false);
    Ok(ApiRules {
        enabled: allowed || !folders.is_empty() || !targets.is_empty(),
        folders,
        targets,
        prefixes: top.flag("allow_audit_log_prefixing")?.unwrap_or(false),
    })
}

/// `["a", "b"]` or `"a,b"`.
pub(super) fn list(entry: &Entry<'_>) -> Result<Vec<String>, ConfigError> {
    let texts: Option<Vec<String>> = match &entry.value.kind {
        Kind::String(text) => Some(text.split(',').map(|part| part.trim().to_owned()).collect()),
        Kind::List(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    };
    let texts = texts.ok_or_else(|| entry.bad("it must be a list of texts, as [\"a\", \"b\"]"))?;
    Ok(texts.into_iter().filter(|text| !text.is_empty()).collect())
}
