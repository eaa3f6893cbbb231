//! Mirrors what the recorded scenarios of the policy area say, as far as it is decided here.

mod capabilities;
mod documented;
mod forms;
mod limits;
mod linting;
mod listing;
mod merging;
mod namespaces;
mod properties;
mod refused;
mod templates;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{Acl, Decision, Operation, Policy, Question};

fn policy(text: &str) -> Arc<Policy> {
    match Policy::parse("test", text) {
        Ok(policy) => Arc::new(policy),
        Err(error) => panic!("{text:?} was refused: {error}"),
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn acl(texts: &[&str]) -> Acl {
    Acl::new(&texts.iter().map(|text| policy(text)).collect::<Vec<_>>(), now())
}

fn question(operation: Operation, path: &str) -> Question<'_> {
    Question { operation, path, parameters: None, wrap_ttl: None }
}

fn may(acl: &Acl, operation: Operation, path: &str) -> bool {
    acl.decide(&question(operation, path)).allowed
}

/// An update with a body.
fn update<'a>(acl: &'a Acl, path: &'a str, body: &'a Map<String, Value>) -> Decision<'a> {
    acl.decide(&Question { parameters: Some(body), ..question(Operation::Update, path) })
}

fn wrapped<'a>(acl: &'a Acl, path: &'a str, seconds: Option<u64>) -> Decision<'a> {
    acl.decide(&Question { wrap_ttl: seconds.map(Duration::from_secs), ..question(Operation::Read, path) })
}

fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap()
}

/// `path: capability capability` per line.
fn expect(acl: &Acl, lines: &str) {
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (path, wanted) = line.rsplit_once(": ").unwrap();
        assert_eq!(acl.capabilities(path).join(" "), wanted, "at {path:?}");
    }
}
