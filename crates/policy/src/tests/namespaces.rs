use std::sync::Arc;

use super::{expect, now, policy};
use crate::{Acl, Policy, Source};

#[test]
fn rules_hold_in_the_namespace_of_their_policy() {
    let policy = policy(
        r#"path "a" { capabilities = ["read"] } path "b/*" { capabilities = ["list"] }
           path "+/x" { capabilities = ["update"] } path "*" { capabilities = ["scan"] }"#,
    );
    let acl = Acl::with_namespaces(&[Source { namespace: "team/sub/".into(), policy }], now());
    expect(
        &acl,
        "team/sub/a: read
         team/sub/b/c: list
         team/sub/q/x: update
         team/sub/z: scan
         a: deny
         b/c: deny
         q/x: deny
         team/other/a: deny",
    );
}

#[test]
fn namespace_names_are_literal() {
    let policy = policy(r#"path "+" { capabilities = ["read"] } path "b*" { capabilities = ["list"] }"#);
    let acl = Acl::with_namespaces(&[Source { namespace: "+/".into(), policy }], now());
    expect(&acl, "+/a: read\n+/b/c: list\nteam/a: deny\nteam/b: deny");
}

#[test]
fn root_of_a_namespace_is_root_below_it() {
    let source = Source { namespace: "team/".into(), policy: Arc::new(Policy::root()) };
    let acl = Acl::with_namespaces(&[source], now());
    assert_eq!(acl.capabilities("team/x"), ["root"]);
    assert_eq!(acl.capabilities("team/sub/x"), ["root"]);
    assert_eq!(acl.capabilities("x"), ["deny"]);
    assert_eq!(acl.capabilities("teamwork/x"), ["deny"]);
}
