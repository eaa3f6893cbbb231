//! `audit`.

use std::path::Path;

use super::{Check, check};
use crate::config::{AuditDeviceKind, AuditFile, ServerConfig};

pub const CHECKS: &[Check] = &[
    check("audit file description", r#"description = "all of it""#, |c| c.audit[0].description == "all of it"),
    check("audit file options file_path", r#"file_path = "/b""#, |c| file(c).file == Path::new("/b")),
    check("audit file options path", r#"file_path = "" path = "/c""#, |c| file(c).file == Path::new("/c")),
    check("audit file options mode", r#"mode = "0640""#, |c| file(c).mode == Some(0o640)),
    check("audit file options prefix", r#"prefix = "@cee: ""#, |c| file(c).prefix == "@cee: "),
];

pub const BLOCKS: &[(&str, &str)] = &[
    (
        "audit file",
        r#"storage "raft" { path = "/d" node_id = "n" }
        listener "tcp" { tls_disable = true }
        audit "file" "a" { options { file_path = "/a" } HERE }"#,
    ),
    (
        "audit file options",
        r#"storage "raft" { path = "/d" node_id = "n" }
        listener "tcp" { tls_disable = true }
        audit "file" "a" { options { file_path = "/a" HERE } }"#,
    ),
];

fn file(config: &ServerConfig) -> &AuditFile {
    let AuditDeviceKind::File(file) = &config.audit[0].kind;
    file
}
