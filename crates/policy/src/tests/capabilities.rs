use std::sync::Arc;

use super::{acl, expect, may, now, policy, question};
use crate::{Acl, Operation, Policy, Reason, builtin};

#[test]
fn each_verb_needs_its_own_capability() {
    let acl = acl(&[r#"
        path "kv/c" { capabilities = ["create"] }
        path "kv/u" { capabilities = ["update"] }
        path "kv/r" { capabilities = ["read"] }
        path "kv/d" { capabilities = ["delete"] }
        path "kv/l/" { capabilities = ["list"] }
        path "kv/p" { capabilities = ["patch"] }
        path "kv/s" { capabilities = ["scan"] }
    "#]);
    use Operation::*;
    let all = [Create, Read, Update, Patch, Delete, List, Scan, Renew, Revoke, Rollback];
    for (path, allowed) in [
        ("kv/c", &[Create][..]),
        ("kv/u", &[Update, Renew, Revoke, Rollback]),
        ("kv/r", &[Read]),
        ("kv/d", &[Delete]),
        ("kv/l/", &[List]),
        ("kv/p", &[Patch]),
        ("kv/s", &[Scan]),
        ("kv/none", &[]),
    ] {
        for operation in all {
            assert_eq!(may(&acl, operation, path), allowed.contains(&operation), "{operation:?} {path}");
        }
        assert!(may(&acl, Help, path));
    }
}

#[test]
fn names_come_in_the_order_of_the_alphabet() {
    let acl = acl(&[
        r#"path "a" { capabilities = ["update","scan","create","read","delete","list","patch","sudo"] } path "b/*" { capabilities = ["read"] }"#,
    ]);
    expect(
        &acl,
        "a: create delete list patch read scan sudo update
         /a: create delete list patch read scan sudo update
         //a: create delete list patch read scan sudo update
         b/c: read
         c: deny
         /v1/a: deny",
    );
}

#[test]
fn exact_prefix_and_plus() {
    let acl = acl(&[r#"
        path "kv/a" { capabilities = ["create", "read"] }
        path "kv/sub/*" { capabilities = ["update", "list", "sudo"] }
        path "kv/no" { capabilities = ["deny"] }
        path "kv/+/x" { capabilities = ["patch"] }
        path "kv/data/*" { capabilities = ["read"] }
    "#]);
    expect(
        &acl,
        "kv/a: create read
         kv/sub/y: list sudo update
         kv/sub/: list sudo update
         kv/no: deny
         kv/q/x: patch
         other: deny
         v1/kv/a: deny",
    );
}

#[test]
fn plus_is_one_whole_segment() {
    let acl = acl(&[r#"
        path "secret/+/config" { capabilities = ["read"] }
        path "+/end" { capabilities = ["list"] }
        path "deep/+/+/*" { capabilities = ["update"] }
        path "part/a+b" { capabilities = ["delete"] }
        path "last/+" { capabilities = ["create"] }
        path "pre/x+" { capabilities = ["read"] }
    "#]);
    expect(
        &acl,
        "secret/a/config: read
         secret/a/b/config: deny
         secret//config: read
         secret/config: deny
         secret/a/config/: read
         a/end: list
         a/b/end: deny
         end: deny
         deep/a/b/c: update
         deep/a/b/: update
         deep/a/b: deny
         deep/a/b/c/d: update
         part/a+b: delete
         part/axb: deny
         last/a: create
         last/: create
         last/a/b: deny
         last/+: create
         pre/x+: read
         pre/xy: deny",
    );
}

#[test]
fn odd_paths() {
    let odd = acl(&[r#"
        path "mid/*/x" { capabilities = ["read"] }
        path "two/**" { capabilities = ["read"] }
        path "" { capabilities = ["list"] }
        path "end/" { capabilities = ["read"] }
        path "twice" { capabilities = ["read"] }
        path "twice" { capabilities = ["update"] }
        path "part*" { capabilities = ["read"] }
        path "pre/" { capabilities = ["list"] }
        path "pre/*" { capabilities = ["read"] }
    "#]);
    expect(
        &odd,
        "mid/*/x: read
         mid/a/x: deny
         mid/*: deny
         two/a: deny
         two/*: read
         two/*a: read
         end: deny
         end/: read
         end/x: deny
         twice: read update
         part: read
         party: read
         partition/x: read
         par: deny
         pre: deny
         pre/: list
         pre/x: read
         pre/x/y: read",
    );
    assert_eq!(odd.capabilities(""), ["list"]);
    let all = acl(&[r#"path "*" { capabilities = ["read","list","sudo"] }"#]);
    expect(&all, "sys/mounts: list read sudo");
    assert_eq!(all.capabilities(""), ["list", "read", "sudo"]);
    let kinds = acl(&[r#"
        path "a/*" { capabilities = ["read"] }
        path "a/+" { capabilities = ["update"] }
        path "a/b" { capabilities = ["delete"] }
        path "+/b" { capabilities = ["create"] }
    "#]);
    expect(&kinds, "a/b: delete\na/c: update\na/c/d: read\nz/b: create\na/: update");
}

#[test]
fn the_most_specific_of_several_patterns_decides() {
    let acl = acl(&[r#"
        path "foo/bar/+/baz" { capabilities = ["read"] }
        path "foo/+/bar/baz" { capabilities = ["list"] }
        path "foo/+/+/baz" { capabilities = ["update"] }
        path "foo/+/x/ba*" { capabilities = ["create"] }
        path "foo/+/x/b*" { capabilities = ["delete"] }
        path "foo/long*" { capabilities = ["sudo"] }
        path "foo*" { capabilities = ["patch"] }
        path "+/+/+/+" { capabilities = ["scan"] }
        path "bar/+/x*" { capabilities = ["read"] }
        path "bar/*" { capabilities = ["patch"] }
    "#]);
    expect(
        &acl,
        "foo/bar/bar/baz: read
         foo/x/bar/baz: list
         foo/x/y/baz: update
         foo/q/x/baz: update
         foo/q/x/bax: create
         foo/q/x/bxx: delete
         foo/longer/y/baz: sudo
         foo/x: patch
         bar/a/xyz: patch
         a/b/c/d: scan
         a/b/c: deny",
    );
}

#[test]
fn sudo_is_reported_with_the_rule_that_decides() {
    let acl = acl(&[r#"
        path "sys/audit" { capabilities = ["read","sudo"] }
        path "sys/raw/*" { capabilities = ["read","list"] }
    "#]);
    assert!(acl.decide(&question(Operation::Read, "sys/audit")).sudo);
    assert!(!acl.decide(&question(Operation::Read, "sys/raw/x")).sudo);
    assert!(!acl.decide(&question(Operation::Read, "elsewhere")).sudo);
}

#[test]
fn root_alone_may_do_everything() {
    let root = Arc::new(Policy::root());
    let acl = Acl::new(std::slice::from_ref(&root), now());
    assert!(acl.is_root());
    let decision = acl.decide(&question(Operation::Delete, "sys/anything"));
    assert!(decision.allowed && decision.sudo && decision.is_root());
    assert_eq!(decision.granted_by().count(), 0);
    assert_eq!(acl.capabilities("x"), ["root"]);

    let beside = Acl::new(&[root, policy(r#"path "a" { capabilities = ["read"] }"#)], now());
    assert!(!beside.is_root());
    assert!(may(&beside, Operation::Read, "a"));
    assert!(!may(&beside, Operation::Read, "b"));

    let named = Arc::new(Policy::parse("root", "").unwrap());
    assert!(!may(&Acl::new(&[named], now()), Operation::Read, "b"), "a name gives no rights");
}

#[test]
fn reasons_say_what_was_missing() {
    let acl = acl(&[r#"path "a" { capabilities = ["read"] } path "b" { capabilities = ["deny"] }"#]);
    let reason = |operation, path| acl.decide(&question(operation, path)).reason;
    assert_eq!(reason(Operation::Read, "a"), Reason::Granted);
    assert_eq!(reason(Operation::Update, "a"), Reason::Missing(crate::Capability::Update));
    assert_eq!(reason(Operation::Read, "b"), Reason::Denied);
    assert_eq!(reason(Operation::Read, "c"), Reason::NoRule);
    assert_eq!(reason(Operation::Help, "c"), Reason::Help);
}

#[test]
fn built_in_policies_parse_and_grant_what_they_should() {
    for name in [builtin::DEFAULT, builtin::RESPONSE_WRAPPING, builtin::CONTROL_GROUP, builtin::ROOT] {
        assert_eq!(Policy::builtin(name).unwrap().name(), name);
    }
    assert!(Policy::builtin("other").is_none());
    let default = Policy::builtin(builtin::DEFAULT).unwrap();
    assert!(default.is_templated());
    let acl = Acl::new(&[Arc::new(default.render(&Default::default(), Default::default()))], now());
    expect(
        &acl,
        "auth/token/lookup-self: read
         auth/token/renew-self: update
         auth/token/revoke-self: update
         sys/capabilities-self: update
         sys/leases/renew: update
         sys/leases/lookup: update
         sys/internal/ui/resultant-acl: read
         cubbyhole/x: create delete list read update
         sys/wrapping/unwrap: update
         sys/tools/hash/sha2-256: update
         identity/oidc/provider/p/authorize: read update
         identity/entity/id/: deny
         sys/mounts: deny",
    );
    let wrapping = Acl::new(&[Arc::new(Policy::builtin(builtin::RESPONSE_WRAPPING).unwrap())], now());
    expect(&wrapping, "cubbyhole/response: create read\nsys/wrapping/unwrap: update\ncubbyhole/x: deny");
}

#[test]
fn mounts_are_reached_when_anything_below_is_granted() {
    let acl = acl(&[r#"
        path "kv/a/b" { capabilities = ["read"] }
        path "two/sub/*" { capabilities = ["read"] }
        path "no/*" { capabilities = ["deny"] }
        path "+/plus/x" { capabilities = ["read"] }
        path "deep/mount/+" { capabilities = ["read"] }
    "#]);
    for mount in ["kv/", "two/", "two/sub/", "any/", "any/plus/", "any/plus/x/", "deep/mount/", "deep/"] {
        assert!(acl.reaches(mount), "{mount}");
    }
    for mount in ["any/other/", "any/plus/y/", "deep/mount/x/y/"] {
        assert!(!acl.reaches(mount), "{mount}");
    }
    let denied = super::acl(&[r#"path "no/*" { capabilities = ["deny"] } path "empty/x" {}"#]);
    assert!(!denied.reaches("no/") && !denied.reaches("empty/"));
}
