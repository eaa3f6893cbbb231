//! `audit`, and what is open to `sys/audit`.

use holdfast_core::audit::{Delivery, HttpTarget, Rules, SocketKind, Target};

use super::{Check, check};
use crate::config::ServerConfig;

/// The options that every kind has.
macro_rules! with_common {
    ($kind:literal, $($own:expr),* $(,)?) => {
        &[
            check(concat!("audit ", $kind, " description"), r#"description = "x""#, |c| c.audit[0].description == "x"),
            check(concat!("audit ", $kind, " options log_raw"), "log_raw = true", |c| rules(c).style.raw),
            check(concat!("audit ", $kind, " options hmac_accessor"), "hmac_accessor = false", |c| {
                !rules(c).style.hmac_accessor
            }),
            check(concat!("audit ", $kind, " options elide_list_responses"), "elide_list_responses = \"true\"", |c| {
                rules(c).style.elide_lists
            }),
            check(concat!("audit ", $kind, " options prefix"), r#"prefix = "@cee: ""#, |c| rules(c).prefix == "@cee: "),
            check(concat!("audit ", $kind, " options filter"), r#"filter = "mount_type == kv""#, |c| {
                rules(c).filter.is_some()
            }),
            check(concat!("audit ", $kind, " options fallback"), "fallback = true", |c| rules(c).fallback),
            check(concat!("audit ", $kind, " options format"), r#"format = "json""#, |c| {
                c.audit[0].options.contains_key("format")
            }),
            check(concat!("audit ", $kind, " options delivery"), r#"delivery = "required""#, |c| {
                rules(c).delivery == Delivery::Required
            }),
            check(concat!("audit ", $kind, " options write_timeout"), r#"write_timeout = "7s""#, |c| {
                rules(c).patience.0.as_secs() == 7
            }),
            $($own),*
        ]
    };
}

pub const FILE: &[Check] = with_common!(
    "file",
    check("audit file options file_path", r#"file_path = "/b""#, |c| file(c).0 == "/b"),
    check("audit file options path", r#"file_path = "" path = "/c""#, |c| file(c).0 == "/c"),
    check("audit file options mode", r#"mode = "0640""#, |c| file(c).1 == Some(0o640)),
    check("audit file options sync", "sync = true", |c| file(c).2),
);

pub const SOCKET: &[Check] = with_common!(
    "socket",
    check("audit socket options address", r#"address = "other:2""#, |c| {
        matches!(target(c), Target::Socket { address, .. } if address == "other:2")
    }),
    check("audit socket options socket_type", r#"socket_type = "udp""#, |c| {
        matches!(target(c), Target::Socket { kind: SocketKind::Udp, .. })
    }),
);

pub const SYSLOG: &[Check] = with_common!(
    "syslog",
    check("audit syslog options facility", r#"facility = "LOCAL0""#, |c| {
        matches!(target(c), Target::Syslog { facility: 16, .. })
    }),
    check("audit syslog options tag", r#"tag = "vault""#, |c| {
        matches!(target(c), Target::Syslog { tag, .. } if tag == "vault")
    }),
);

pub const HTTP: &[Check] = with_common!(
    "http",
    check("audit http options uri", r#"uri = "https://other/""#, |c| {
        matches!(target(c), Target::Http(HttpTarget { uri, .. }) if uri == "https://other/")
    }),
    check("audit http options headers", r#"headers = "{\"A\": [\"b\"]}""#, |c| {
        matches!(target(c), Target::Http(HttpTarget { headers, .. }) if headers[..] == [("A".to_owned(), "b".to_owned())])
    }),
);

pub const API: &[Check] = &[
    check("unsafe_allow_api_audit_creation", "unsafe_allow_api_audit_creation = true", |c| c.audit_api.enabled),
    check("audit_api_folders", r#"audit_api_folders = ["/a", "/b"]"#, |c| {
        c.audit_api.enabled && c.audit_api.folders.len() == 2
    }),
    check("audit_api_targets", r#"audit_api_targets = "tcp://a:1,udp://b:2""#, |c| {
        c.audit_api.enabled && c.audit_api.targets == ["tcp://a:1", "udp://b:2"]
    }),
    check("allow_audit_log_prefixing", "allow_audit_log_prefixing = true", |c| c.audit_api.prefixes),
];

macro_rules! blocks {
    ($kind:literal, $needed:literal) => {
        [
            (
                concat!("audit ", $kind),
                concat!(
                    "storage \"raft\" { path = \"/d\" node_id = \"n\" }\nlistener \"tcp\" { tls_disable = true }\naudit \"",
                    $kind, "\" \"a\" { options { ", $needed, " } HERE }"
                ),
            ),
            (
                concat!("audit ", $kind, " options"),
                concat!(
                    "storage \"raft\" { path = \"/d\" node_id = \"n\" }\nlistener \"tcp\" { tls_disable = true }\naudit \"",
                    $kind, "\" \"a\" { options { ", $needed, " HERE } }"
                ),
            ),
        ]
    };
}

pub const FILE_BLOCKS: &[(&str, &str)] = &blocks!("file", "file_path = \"/a\"");
pub const SOCKET_BLOCKS: &[(&str, &str)] = &blocks!("socket", "address = \"h:1\"");
pub const SYSLOG_BLOCKS: &[(&str, &str)] = &blocks!("syslog", "");
pub const HTTP_BLOCKS: &[(&str, &str)] = &blocks!("http", "uri = \"https://h/\"");

fn rules(config: &ServerConfig) -> &Rules {
    &config.audit[0].plan.rules
}

fn target(config: &ServerConfig) -> &Target {
    &config.audit[0].plan.target
}

fn file(config: &ServerConfig) -> (&str, Option<u32>, bool) {
    match target(config) {
        Target::File { path, mode, sync } => (path.to_str().unwrap(), *mode, *sync),
        other => panic!("{other:?} is no file"),
    }
}
