//! A policy's text, then a path: it is refused with a sentence, or decides without granting what no rule grants.
#![no_main]

use std::sync::Arc;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use policy::{Acl, Operation, Policy, Question, lint};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (text, path) = text.split_once('\0').unwrap_or((text, "secret/data/app"));
    let policy = match Policy::parse("fuzzed", text) {
        Ok(policy) => Arc::new(policy),
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    lint(&policy, &["secret/".to_owned()]);
    assert!(!policy.is_root());
    let acl = Acl::new(&[policy], Timestamp::UNIX_EPOCH);
    for operation in [Operation::Read, Operation::Create, Operation::List] {
        let decision = acl.decide(&Question { operation, path, parameters: None, wrap_ttl: None });
        assert_eq!(decision.allowed, decision.granted_by().next().is_some());
        assert!(!decision.explain().text.is_empty());
    }
});
