use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

use super::{now, policy};
use crate::{Acl, Operation, Policy, Question};

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
