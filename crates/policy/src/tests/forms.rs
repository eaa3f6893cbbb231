use super::{acl, expect, now, policy};
use crate::Acl;

#[test]
fn hcl_json_comments_and_the_old_key_read_alike() {
    let acl = acl(&[
        "# note\npath \"kv/a\" {\n  capabilities = [\"read\"] // more\n}\n",
        r#"{"path":{"kv/b":{"capabilities":["create","read"]},"kv/c*":{"capabilities":["list"]}}}"#,
        r#"{"path":[{"kv/l":{"capabilities":["read"]}}]}"#,
        r#"path "kv/r" { policy = "read" }
           path "kv/w" { policy = "write" }
           path "kv/s" { policy = "sudo" }
           path "kv/x" { policy = "deny" }"#,
        r#"path "/kv/slash" { capabilities = ["read"] }"#,
        r#"path "kv/one" { capabilities = ["read"] } path "kv/line" { capabilities = ["deny"] }"#,
    ]);
    expect(
        &acl,
        "kv/a: read
         kv/b: create read
         kv/c1: list
         kv/l: read
         kv/r: list read
         kv/w: create delete list read update
         kv/s: create delete list read sudo update
         kv/x: deny
         kv/slash: read
         kv/one: read
         kv/line: deny
         kv/none: deny",
    );
}

#[test]
fn what_is_accepted_though_it_says_little() {
    assert_eq!(policy("# only a comment").paths().count(), 0);
    assert_eq!(policy("name = \"other\"\npath \"a\" { capabilities = [\"read\"] }").name(), "test");
    let empty = acl(&[r#"path "a" { } path "*" { capabilities = ["read"] }"#]);
    expect(&empty, "a: deny\nb: read");
    policy(r#"path "a" { capabilities = ["read"] comment = "x" subscribe_event_types = ["*"] mfa_methods = ["m"] }"#);
    expect(&acl(&[r#"path "a" { capabilities = ["subscribe", "recover", "read"] }"#]), "a: read recover subscribe");
}

#[test]
fn repeated_keys_of_a_block_add_up() {
    let acl = acl(&[r#"path "a" { capabilities = ["read"] capabilities = ["list"] policy = "write" }"#]);
    expect(&acl, "a: create delete list read update");
}

#[test]
fn rules_expire() {
    let policy = policy(
        r#"path "a" { capabilities = ["read"] expiration = "2001-01-01T00:00:00Z" }
           path "b" { capabilities = ["read"] expiration = "2099-01-01T00:00:00Z" }
           path "c" { capabilities = ["read"] expiration = 4070908800 }
           path "d" { capabilities = ["read"] expiration = "1800000000" }"#,
    );
    let acl = Acl::new(&[policy], now());
    expect(&acl, "a: deny\nb: read\nc: read\nd: deny");
    assert_eq!(acl.valid_until(), Some("2099-01-01T00:00:00Z".parse().unwrap()));
}
