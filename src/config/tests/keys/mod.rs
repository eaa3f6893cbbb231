//! Every declared key: it is accepted and does what it says to the typed configuration, or is named as ignored, or stops
//! the start. A key without a check fails, and so does a check without a key.
//!
//! A key is called by the names on the way to it: `listener tcp max_request_size`. What it then does to a running
//! server is shown by the tests of whoever uses it.

mod audit;
mod listener;
mod lockout;
mod seal;
mod storage;
mod telemetry;
mod top;

use std::collections::BTreeMap;

use super::load;
use crate::config::declared::{Effect, Key, Table, Takes};
use crate::config::server::TABLE;
use crate::config::{ConfigError, ServerConfig, Warning};

/// Writing `written` into the key's block makes `holds` true, which it is not without.
pub struct Check {
    pub key: &'static str,
    pub written: &'static str,
    pub holds: fn(&ServerConfig) -> bool,
}

const fn check(key: &'static str, written: &'static str, holds: fn(&ServerConfig) -> bool) -> Check {
    Check { key, written, holds }
}

const CHECKS: &[&[Check]] = &[
    top::CHECKS,
    storage::CHECKS,
    listener::CHECKS,
    audit::FILE,
    audit::SOCKET,
    audit::SYSLOG,
    audit::HTTP,
    audit::API,
    seal::CHECKS,
    telemetry::CHECKS,
    lockout::CHECKS,
];

/// Complete configurations for each block; what a check writes takes the place of `HERE`.
const BLOCKS: &[&[(&str, &str)]] = &[
    top::BLOCKS,
    storage::BLOCKS,
    listener::BLOCKS,
    audit::FILE_BLOCKS,
    audit::SOCKET_BLOCKS,
    audit::SYSLOG_BLOCKS,
    audit::HTTP_BLOCKS,
    seal::BLOCKS,
    telemetry::BLOCKS,
    lockout::BLOCKS,
];

fn text(block: &str, written: &str) -> String {
    let known = BLOCKS.iter().copied().flatten().find(|(name, _)| *name == block);
    known.unwrap_or_else(|| panic!("no configuration is given for the block {block:?}")).1.replace("HERE", written)
}

fn parent(key: &str) -> &str {
    key.rsplit_once(' ').map_or("", |(parent, _)| parent)
}

/// Every declared key that is no block itself, by its whole name.
fn declared() -> BTreeMap<String, &'static Key> {
    let mut found = BTreeMap::new();
    collect("", &TABLE, &mut found);
    found
}

fn collect(within: &str, table: &'static Table, found: &mut BTreeMap<String, &'static Key>) {
    for key in table.all() {
        let name = format!("{within} {}", key.name).trim().to_owned();
        match &key.takes {
            // It is `storage` under another name, with the same table.
            Takes::Blocks { .. } if key.name == "backend" => {}
            Takes::Blocks { kinds, .. } => {
                for kind in *kinds {
                    collect(format!("{name} {}", kind.label).trim(), kind, found);
                }
            }
            _ => assert!(found.insert(name.clone(), key).is_none(), "{name} is declared twice"),
        }
    }
}

/// All checks; one of `listener *` is a check of both kinds of listeners.
fn checks() -> impl Iterator<Item = (String, &'static Check)> {
    let kinds = |check: &'static Check| match check.key.split_once(" * ") {
        None => vec![(check.key.to_owned(), check)],
        Some((block, key)) => ["tcp", "unix"].map(|kind| (format!("{block} {kind} {key}"), check)).into(),
    };
    CHECKS.iter().copied().flatten().flat_map(kinds)
}

#[test]
fn every_key_that_is_read_does_what_its_check_says() {
    let declared = declared();
    for (key, check) in checks() {
        assert!(declared.contains_key(&key), "{key} has a check and is not declared");
        let (with, warnings) = load(&text(parent(&key), check.written)).unwrap();
        assert_eq!(warnings, [], "{key}");
        let (without, _) = load(&text(parent(&key), "")).unwrap();
        assert!((check.holds)(&with), "{key} does not do what its check says");
        assert!(!(check.holds)(&without), "what the check of {key} says is so without it");
    }
    let checked: Vec<String> = checks().map(|(key, _)| key).collect();
    let unchecked = declared.iter().filter(|(name, key)| key.is_read() && !checked.contains(name));
    let unchecked: Vec<&String> = unchecked.map(|(name, _)| name).collect();
    assert!(unchecked.is_empty(), "declared keys without a check: {unchecked:?}");
}

#[test]
fn a_default_is_what_holds_without_the_key() {
    for (name, key) in declared().iter().filter(|(_, key)| key.is_read() && !key.default.is_empty()) {
        let value = match key.takes {
            Takes::Flag | Takes::Number | Takes::Bytes => key.default.to_owned(),
            _ => format!("\"{}\"", key.default),
        };
        let (with, _) = load(&text(parent(name), &format!("{} = {value}", key.name))).unwrap();
        let (without, _) = load(&text(parent(name), "")).unwrap();
        assert_eq!(with, without, "the default of {name} is not {}", key.default);
    }
}

#[test]
fn every_other_key_is_named_as_ignored_or_refused() {
    for (name, key) in declared().iter().filter(|(_, key)| !key.is_read()) {
        let loaded = load(&text(parent(name), &format!("{} = \"x\"", key.name)));
        match key.effect {
            Effect::Refused => assert!(matches!(loaded, Err(ConfigError::Refused { .. })), "{name} is not refused"),
            _ => {
                let (_, warnings) = loaded.unwrap();
                let named =
                    |warning: &Warning| matches!(warning, Warning::NoEffect { key: said, .. } if *said == key.name);
                assert!(warnings.len() == 1 && named(&warnings[0]), "{name}: {warnings:?}");
            }
        }
    }
}
