use std::sync::Arc;

use super::{acl, expect, may, now, question};
use crate::{Acl, Operation, Policy};

#[test]
fn one_path_adds_up_and_a_more_specific_one_takes_over() {
    let p1 =
        r#"path "kv/a" { capabilities = ["read"] } path "kv/*" { capabilities = ["create","update","read","list"] }"#;
    let p2 = r#"path "kv/a" { capabilities = ["delete"] } path "kv/only" { capabilities = ["read"] }"#;
    let both = acl(&[p1, p2]);
    expect(&both, "kv/a: delete read\nkv/only: read\nkv/other: create list read update");
    assert!(!may(&both, Operation::Update, "kv/only"));
    expect(&acl(&[p2]), "kv/a: delete\nkv/only: read\nkv/other: deny");
}

#[test]
fn deny_wins_on_its_path_only() {
    let allow = r#"
        path "kv/a" { capabilities = ["read"] }
        path "kv/b" { capabilities = ["read","update","deny"] }
        path "kv/sub/*" { capabilities = ["read"] }
        path "kv/sub2/*" { capabilities = ["deny"] }
        path "kv/sub2/ok" { capabilities = ["read","create"] }"#;
    let deny = r#"path "kv/a" { capabilities = ["deny"] } path "kv/sub/x" { capabilities = ["deny"] }"#;
    let lines = "kv/a: deny\nkv/b: deny\nkv/sub/x: deny\nkv/sub/y: read\nkv/sub2/ok: create read\nkv/sub2/no: deny";
    expect(&acl(&[allow, deny]), lines);
    expect(&acl(&[deny, allow]), lines);
    expect(&acl(&[allow]), "kv/a: read\nkv/sub/x: read");
}

#[test]
fn decisions_name_the_policies_that_grant_them() {
    let named = |name, text| Arc::new(Policy::parse(name, text).unwrap());
    let acl = Acl::new(
        &[
            named("one", r#"path "a" { capabilities = ["read", "list"] }"#),
            named("two", r#"path "a" { capabilities = ["read"] }"#),
        ],
        now(),
    );
    let names = |operation| {
        let decision = acl.decide(&question(operation, "a"));
        decision.granted_by().map(|source| source.policy.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(Operation::Read), ["one", "two"]);
    assert_eq!(names(Operation::List), ["one"]);
    assert!(names(Operation::Delete).is_empty());
}

#[test]
fn control_groups_of_every_policy_count_for_their_operations() {
    let group = r#"path "a" { capabilities = ["create", "list"] control_group = { ttl = "48m"
        factor "approval" { controlled_capabilities = ["create"] identity = { group_names = ["admin"] approvals = 1 } } } }"#;
    let plain = r#"path "a" { capabilities = ["create"] }"#;
    for texts in [[group, plain], [plain, group]] {
        let acl = acl(&texts);
        let decision = acl.decide(&question(Operation::Create, "a"));
        let groups: Vec<_> = decision.control_groups().collect();
        assert!(decision.allowed);
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].ttl.as_secs(), 48 * 60);
        assert_eq!((groups[0].factors[0].name.as_str(), groups[0].factors[0].approvals), ("approval", 1));
        assert_eq!(acl.decide(&question(Operation::List, "a")).control_groups().count(), 0);
    }
}

#[test]
fn rules_can_be_shown() {
    let acl = acl(&[
        r#"path "b/*" { capabilities = ["read"] } path "a" { capabilities = ["list"] } path "+/x*" { policy = "deny" }"#,
    ]);
    let shown: Vec<_> =
        acl.rules().into_iter().map(|rule| (rule.path, rule.exact, rule.capabilities.names())).collect();
    assert_eq!(
        shown,
        [
            ("+/x*".to_owned(), false, vec!["deny"]),
            ("a".to_owned(), true, vec!["list"]),
            ("b/*".to_owned(), false, vec!["read"]),
        ]
    );
}
