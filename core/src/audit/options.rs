//! What a device was told: its options as texts, as configuration and API give them, and what they come to.

use std::collections::BTreeMap;
use std::net::ToSocketAddrs as _;
use std::path::PathBuf;
use std::time::Duration;

use super::filter::Filter;
use super::line::Style;

/// One sentence: what was wrong and what would be right.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct OptionError(pub String);

/// Whose word counts. See `docs/AUDIT.md`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// It must acknowledge every entry that it takes.
    Required,
    /// One of these must.
    #[default]
    Any,
    /// Counts only where nobody else takes the entry.
    BestEffort,
}

/// What is the same for all kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    pub style: Style,
    /// Before each line.
    pub prefix: String,
    pub filter: Option<Filter>,
    /// Takes what no other device's filter has taken.
    pub fallback: bool,
    pub delivery: Delivery,
    /// How long it may take for one entry.
    pub patience: Patience,
}

/// A time limit, two seconds unless something else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience(pub Duration);

impl Default for Patience {
    fn default() -> Self {
        Self(Duration::from_secs(2))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    File {
        path: PathBuf,
        mode: Option<u32>,
        sync: bool,
    },
    Stdout,
    /// Nowhere: entries are made, and dropped.
    Discard,
    Socket {
        kind: SocketKind,
        address: String,
    },
    Syslog {
        facility: u8,
        tag: String,
    },
    Http(HttpTarget),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketKind {
    Tcp,
    Udp,
    Unix,
    UnixDatagram,
}

/// No Debug for its headers: they may hold a credential.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpTarget {
    pub uri: String,
    pub headers: Vec<(String, String)>,
}

impl std::fmt::Debug for HttpTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HttpTarget")
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub rules: Rules,
    pub target: Target,
}

/// The options of every kind.
const COMMON: [&str; 10] = [
    "log_raw",
    "hmac_accessor",
    "elide_list_responses",
    "prefix",
    "filter",
    "fallback",
    "format",
    "delivery",
    "write_timeout",
    "exclude",
];

const PATIENCE_MAX: Duration = Duration::from_secs(60);

pub const KINDS: [&str; 4] = ["file", "socket", "syslog", "http"];

/// What a kind's options are called, those of every kind first.
fn known(kind: &str) -> Vec<&'static str> {
    let own: &[&'static str] = match kind {
        "file" => &["file_path", "path", "mode", "sync"],
        "socket" => &["address", "socket_type"],
        "syslog" => &["facility", "tag"],
        "http" => &["uri", "headers"],
        _ => &[],
    };
    COMMON.iter().chain(own).copied().collect()
}

impl Plan {
    pub fn parse(kind: &str, options: &BTreeMap<String, String>) -> Result<Self, OptionError> {
        if !KINDS.contains(&kind) {
            return wrong(format!("unknown backend type: {kind:?}; there are {}", KINDS.join(", ")));
        }
        let known = known(kind);
        if let Some(name) = options.keys().find(|name| !known.contains(&name.as_str())) {
            return wrong(format!("a {kind} device has no option {name:?}; it has {}", known.join(", ")));
        }
        let read = Options(options);
        let target = match kind {
            "file" => read.file()?,
            "socket" => read.socket()?,
            "syslog" => read.syslog()?,
            _ => read.http()?,
        };
        Ok(Self { rules: read.rules()?, target })
    }
}

fn wrong<T>(text: impl Into<String>) -> Result<T, OptionError> {
    Err(OptionError(text.into()))
}

struct Options<'a>(&'a BTreeMap<String, String>);

impl Options<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    fn flag(&self, name: &str, default: bool) -> Result<bool, OptionError> {
        match self.text(name) {
            None => Ok(default),
            Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
            Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
            Some(other) => wrong(format!("{name} must be true or false, not {other:?}")),
        }
    }

    fn rules(&self) -> Result<Rules, OptionError> {
        match self.text("format") {
            None | Some("json") => {}
            Some("jsonx") => return wrong("format jsonx is not written any more; leave format out, or set it to json"),
            Some(other) => return wrong(format!("unknown format type {other:?}; there is json")),
        }
        if self.text("exclude").is_some() {
            return wrong("exclude is not supported: entries are written whole; leave it out");
        }
        let filter = self.text("filter").map(Filter::parse).transpose().map_err(|e| OptionError(e.to_string()))?;
        let fallback = self.flag("fallback", false)?;
        if fallback && filter.is_some() {
            return wrong("a fallback device takes what no filter has taken, so it cannot have a filter of its own");
        }
        let delivery = match self.text("delivery") {
            None | Some("any") => Delivery::Any,
            Some("required") => Delivery::Required,
            Some("best-effort") => Delivery::BestEffort,
            Some(other) => return wrong(format!("delivery must be required, any or best-effort, not {other:?}")),
        };
        Ok(Rules {
            style: Style {
                raw: self.flag("log_raw", false)?,
                hmac_accessor: self.flag("hmac_accessor", true)?,
                elide_lists: self.flag("elide_list_responses", false)?,
            },
            prefix: self.text("prefix").unwrap_or_default().to_owned(),
            filter,
            fallback,
            delivery,
            patience: self.patience()?,
        })
    }

    fn patience(&self) -> Result<Patience, OptionError> {
        let Some(text) = self.text("write_timeout") else { return Ok(Patience::default()) };
        let nanos = sdk::duration::parse(text).and_then(|nanos| u64::try_from(nanos).ok());
        let patience = nanos.map(Duration::from_nanos).filter(|time| !time.is_zero() && *time <= PATIENCE_MAX);
        patience
            .map(Patience)
            .ok_or_else(|| OptionError(format!("write_timeout must be between 0 and 60s, as \"2s\", not {text:?}")))
    }

    fn file(&self) -> Result<Target, OptionError> {
        let Some(path) = self.text("file_path").or(self.text("path")) else {
            return wrong("file_path is required: it names the file that entries are appended to");
        };
        if path.eq_ignore_ascii_case("stdout") {
            return Ok(Target::Stdout);
        }
        if path.eq_ignore_ascii_case("discard") {
            return Ok(Target::Discard);
        }
        let mode = match self.text("mode") {
            None => None,
            Some(text) => match u32::from_str_radix(text, 8) {
                Ok(0) => None,
                Ok(mode) if mode <= 0o777 && mode & 0o111 == 0 => Some(mode),
                Ok(mode) if mode <= 0o777 => return wrong(format!("mode {text:?} makes the file executable")),
                _ => return wrong(format!("mode must be an octal file mode such as \"0600\", not {text:?}")),
            },
        };
        Ok(Target::File { path: PathBuf::from(path), mode, sync: self.flag("sync", false)? })
    }

    fn socket(&self) -> Result<Target, OptionError> {
        let Some(address) = self.text("address") else {
            return wrong("address is required: host:port, or the path of a unix socket");
        };
        let kind = match self.text("socket_type").unwrap_or("tcp") {
            "tcp" => SocketKind::Tcp,
            "udp" => SocketKind::Udp,
            "unix" => SocketKind::Unix,
            "unixgram" => SocketKind::UnixDatagram,
            other => return wrong(format!("socket_type must be tcp, udp, unix or unixgram, not {other:?}")),
        };
        let needs_port = matches!(kind, SocketKind::Tcp | SocketKind::Udp);
        let port =
            address.rsplit_once(':').and_then(|(host, port)| port.parse::<u16>().ok().filter(|_| !host.is_empty()));
        if needs_port && port.is_none() {
            return wrong(format!("address must be host:port, not {address:?}"));
        }
        Ok(Target::Socket { kind, address: address.to_owned() })
    }

    fn syslog(&self) -> Result<Target, OptionError> {
        const FACILITIES: [&str; 24] = [
            "KERN", "USER", "MAIL", "DAEMON", "AUTH", "SYSLOG", "LPR", "NEWS", "UUCP", "CRON", "AUTHPRIV", "FTP",
            "NTP", "SECURITY", "CONSOLE", "CLOCK", "LOCAL0", "LOCAL1", "LOCAL2", "LOCAL3", "LOCAL4", "LOCAL5",
            "LOCAL6", "LOCAL7",
        ];
        let name = self.text("facility").unwrap_or("AUTH");
        let Some(number) = FACILITIES.iter().position(|known| known.eq_ignore_ascii_case(name)) else {
            return wrong(format!("facility must be one such as AUTH, DAEMON or LOCAL0, not {name:?}"));
        };
        let tag = self.text("tag").unwrap_or("holdfast").to_owned();
        if !tag.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b':' | b'[' | b']')) || tag.len() > 32 {
            return wrong("tag must be at most 32 letters, digits or marks, without : [ and ]");
        }
        Ok(Target::Syslog { facility: number as u8, tag })
    }

    fn http(&self) -> Result<Target, OptionError> {
        let Some(uri) = self.text("uri") else {
            return wrong("uri is required: where entries are posted to");
        };
        if !(uri.starts_with("https://") || uri.starts_with("http://")) {
            return wrong("uri must begin with https:// or http://");
        }
        let mut headers = Vec::new();
        if let Some(text) = self.text("headers") {
            let parsed: BTreeMap<String, Vec<String>> = serde_json::from_str(text).map_err(|_| {
                OptionError("headers must be JSON of lists by name, as {\"Authorization\": [\"Bearer x\"]}".into())
            })?;
            for (name, values) in parsed {
                headers.extend(values.into_iter().map(|value| (name.clone(), value)));
            }
        }
        Ok(Target::Http(HttpTarget { uri: uri.to_owned(), headers }))
    }
}

/// Whether every entry has a device that takes it. No devices at all is fine: then nothing is audited.
pub fn covers(rules: &[Rules]) -> Result<(), OptionError> {
    if rules.iter().filter(|rules| rules.fallback).count() > 1 {
        return wrong("only one audit device can be the fallback");
    }
    if rules.is_empty() || rules.iter().any(|rules| rules.filter.is_none()) {
        return Ok(());
    }
    wrong(
        "every audit device would have a filter, and what none takes could not be audited: one must have none, or be the fallback",
    )
}

/// The addresses behind host:port, asked for when they are needed.
pub fn resolve(address: &str) -> std::io::Result<Vec<std::net::SocketAddr>> {
    Ok(address.to_socket_addrs()?.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(kind: &str, options: &[(&str, &str)]) -> Result<Plan, String> {
        let options = options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Plan::parse(kind, &options).map_err(|e| e.0)
    }

    #[test]
    fn options_come_to_something() {
        let plan = parse("file", &[("file_path", "/a"), ("mode", "0640"), ("sync", "true"), ("delivery", "required")]);
        let plan = plan.unwrap();
        assert_eq!(plan.target, Target::File { path: "/a".into(), mode: Some(0o640), sync: true });
        assert_eq!(plan.rules.delivery, Delivery::Required);
        assert!(plan.rules.style.hmac_accessor && !plan.rules.style.raw);
        assert_eq!(parse("file", &[("path", "Discard")]).unwrap().target, Target::Discard);
        assert!(parse("file", &[("path", "stdout"), ("log_raw", "1")]).unwrap().rules.style.raw);
        assert_eq!(
            parse("socket", &[("address", "/run/x"), ("socket_type", "unix")]).unwrap().target,
            Target::Socket { kind: SocketKind::Unix, address: "/run/x".into() }
        );
        let syslog = parse("syslog", &[("facility", "local3")]).unwrap();
        assert_eq!(syslog.target, Target::Syslog { facility: 19, tag: "holdfast".into() });
        let http = parse("http", &[("uri", "https://h/x"), ("headers", r#"{"A": ["b", "c"]}"#)]).unwrap();
        let headers = vec![("A".into(), "b".into()), ("A".into(), "c".into())];
        assert_eq!(http.target, Target::Http(HttpTarget { uri: "https://h/x".into(), headers }));
        let slow = parse("file", &[("path", "/a"), ("write_timeout", "5s")]).unwrap();
        assert_eq!(slow.rules.patience.0, Duration::from_secs(5));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (kind, options, says) in [
            ("nope", vec![], "unknown backend type: \"nope\""),
            ("file", vec![], "file_path is required"),
            ("file", vec![("path", "/a"), ("fitler", "x")], "has no option \"fitler\""),
            ("file", vec![("path", "/a"), ("format", "jsonx")], "jsonx"),
            ("file", vec![("path", "/a"), ("format", "xml")], "unknown format type \"xml\""),
            ("file", vec![("path", "/a"), ("hmac_accessor", "perhaps")], "true or false"),
            ("file", vec![("path", "/a"), ("mode", "0755")], "executable"),
            ("file", vec![("path", "/a"), ("mode", "rw")], "octal"),
            ("file", vec![("path", "/a"), ("delivery", "maybe")], "required, any or best-effort"),
            ("file", vec![("path", "/a"), ("filter", "x"), ("fallback", "1")], "the filter is wrong"),
            ("file", vec![("path", "/a"), ("filter", "path == x"), ("fallback", "1")], "fallback"),
            ("file", vec![("path", "/a"), ("exclude", "[]")], "exclude is not supported"),
            ("file", vec![("path", "/a"), ("write_timeout", "2h")], "write_timeout"),
            ("socket", vec![], "address is required"),
            ("socket", vec![("address", "host")], "host:port"),
            ("socket", vec![("address", "h:1"), ("socket_type", "icmp")], "socket_type"),
            ("syslog", vec![("facility", "x")], "facility"),
            ("syslog", vec![("tag", "a b")], "tag"),
            ("http", vec![], "uri is required"),
            ("http", vec![("uri", "ftp://x")], "https://"),
            ("http", vec![("uri", "http://x"), ("headers", "{\"a\": \"b\"}")], "headers"),
        ] {
            let error = parse(kind, &options).err().unwrap_or_else(|| panic!("{options:?} was taken"));
            assert!(error.contains(says), "{options:?}: {error}");
        }
    }
}
