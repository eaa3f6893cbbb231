use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

use super::{now, policy};
use crate::{Acl, Operation, Policy, Question, Reason, oracle};

const OPERATIONS: [Operation; 11] = [
    Operation::Create,
    Operation::Read,
    Operation::Update,
    Operation::Patch,
    Operation::Delete,
    Operation::List,
    Operation::Scan,
    Operation::Help,
    Operation::Renew,
    Operation::Revoke,
    Operation::Rollback,
];

/// Few segments, so that rules and requests meet often.
fn path() -> impl Strategy<Value = String> {
    let segment = select(vec!["a", "b", "ab", "", "+", "a+", "*"]);
    (prop::collection::vec(segment, 1..5), select(vec!["", "/", "//"]))
        .prop_map(|(segments, leading)| format!("{leading}{}", segments.join("/")))
}

fn rule_path() -> impl Strategy<Value = String> {
    (path(), select(vec!["", "", "*", "/", "/*", "a*", "/+/*"]))
        .prop_map(|(path, end)| format!("{path}{end}"))
        .prop_filter("refused by the grammar", |path| !path.contains("+*"))
}

fn parameters(name: &'static str) -> impl Strategy<Value = String> {
    let entry = (select(vec!["x", "Y", "*"]), select(vec!["[]", "[1]", "[\"t\"]", "[1, true]"]));
    prop::collection::vec(entry, 0..4).prop_map(move |entries| {
        // One name twice in one block is a matter of reading, not of deciding.
        let mut entries = entries;
        entries.sort();
        entries.dedup_by_key(|entry| entry.0);
        let inside: String = entries.iter().map(|(name, values)| format!(" \"{name}\" = {values}")).collect();
        if entries.is_empty() { String::new() } else { format!(" {name} = {{{inside} }}") }
    })
}

/// Rules for one path that always grant and mostly limit, so that merging limits is what is compared.
fn limiting_rule() -> impl Strategy<Value = String> {
    let wrapping = vec![
        "",
        "",
        "",
        "",
        "",
        "",
        " min_wrapping_ttl = 1",
        " max_wrapping_ttl = 2",
        " min_wrapping_ttl = 2 max_wrapping_ttl = 3",
    ];
    (
        prop_oneof![Just(String::new()), parameters("allowed_parameters")],
        prop_oneof![Just(String::new()), parameters("denied_parameters")],
        select(vec!["", "", "", " required_parameters = [\"x\"]", " required_parameters = [\"Limit\"]"]),
        select(wrapping),
        select(vec!["", " pagination_limit = 5", " pagination_limit = 3"]),
    )
        .prop_map(|(allowed, denied, required, wrapping, page)| {
            format!("path \"a\" {{ policy = \"write\"{allowed}{denied}{required}{wrapping}{page} }}\n")
        })
}

fn rule() -> impl Strategy<Value = String> {
    let capabilities = vec!["create", "read", "update", "patch", "delete", "list", "scan", "sudo"];
    let limits = (
        prop_oneof![4 => Just(String::new()), 1 => parameters("allowed_parameters")],
        prop_oneof![4 => Just(String::new()), 1 => parameters("denied_parameters")],
        select(vec!["", "", "", " required_parameters = [\"x\"]", " required_parameters = [\"Limit\"]"]),
        select(vec![
            "",
            "",
            "",
            "",
            " min_wrapping_ttl = 2",
            " max_wrapping_ttl = 2",
            " min_wrapping_ttl = 1 max_wrapping_ttl = 3",
        ]),
        select(vec!["", "", "", " pagination_limit = 5", " pagination_limit = 3"]),
    );
    (rule_path(), subsequence(capabilities, 0..=8), prop::bool::weighted(0.1), limits).prop_map(
        |(path, mut capabilities, deny, (allowed, denied, required, wrapping, page))| {
            if deny {
                capabilities.push("deny");
            }
            format!(
                "path \"{path}\" {{ capabilities = {capabilities:?}{allowed}{denied}{required}{wrapping}{page} }}\n"
            )
        },
    )
}

fn policies() -> impl Strategy<Value = Vec<Arc<Policy>>> {
    let text = prop::collection::vec(rule(), 0..8).prop_map(|rules| rules.concat());
    prop::collection::vec(text, 1..4).prop_map(|texts| texts.iter().map(|text| policy(text)).collect())
}

fn body() -> impl Strategy<Value = Map<String, Value>> {
    let value = select(vec![json!(1), json!("t"), json!(true), json!("max"), json!(null), json!(4)]);
    let entry = (select(vec!["x", "X", "y", "limit", "z"]), value);
    prop::collection::vec(entry, 0..3)
        .prop_map(|entries| entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

    #[test]
    fn the_fast_decision_is_the_obvious_one(
        policies in policies(),
        requests in prop::collection::vec((path(), prop::option::of(body()), prop::option::of(0u64..4)), 1..6),
    ) {
        let acl = Acl::new(&policies, now());
        for (path, body, wrap) in &requests {
            prop_assert_eq!(acl.capabilities(path), oracle::capabilities(&policies, path), "capabilities of {}", path);
            for operation in OPERATIONS {
                let wrap_ttl = wrap.map(Duration::from_secs);
                let question = Question { operation, path, parameters: body.as_ref(), wrap_ttl };
                let decision = acl.decide(&question);
                prop_assert_eq!(decision.allowed, oracle::allows(&policies, &question), "{:?}: {:?}", question, decision.reason);
                let granting = decision.granted_by().count();
                prop_assert_eq!(granting > 0, decision.reason == Reason::Granted);
            }
        }
    }

    #[test]
    fn merged_limits_are_the_obvious_ones(
        texts in prop::collection::vec(limiting_rule(), 1..4),
        body in body(),
        wrap in 0u64..5,
    ) {
        let policies: Vec<_> = texts.iter().map(|text| policy(text)).collect();
        let acl = Acl::new(&policies, now());
        // 0 stands for no wrapping.
        let wrap_ttl = (wrap > 0).then(|| Duration::from_secs(wrap));
        for operation in [Operation::Update, Operation::List, Operation::Delete] {
            let question = Question { operation, path: "a", parameters: Some(&body), wrap_ttl };
            let decision = acl.decide(&question);
            prop_assert_eq!(decision.allowed, oracle::allows(&policies, &question), "{:?}: {:?}", question, decision.reason);
        }
    }

    /// The order of policies decides nothing about who may do what.
    #[test]
    fn the_order_of_policies_does_not_matter(policies in policies(), path in path(), body in body()) {
        let forth = Acl::new(&policies, now());
        let back = Acl::new(&policies.iter().rev().cloned().collect::<Vec<_>>(), now());
        prop_assert_eq!(forth.capabilities(&path), back.capabilities(&path));
        for operation in OPERATIONS {
            let question = Question { operation, path: &path, parameters: Some(&body), wrap_ttl: None };
            prop_assert_eq!(forth.decide(&question).allowed, back.decide(&question).allowed);
        }
    }

    /// Any text is answered, with a policy or a sentence.
    #[test]
    fn any_text_is_answered(text in r#"(path|"a"|capabilities|policy|[{}\[\]=,"+*/ ]|read|deny|\{\{|\}\}|\PC){0,30}"#) {
        if let Err(error) = Policy::parse("x", &text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
