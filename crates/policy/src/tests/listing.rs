use super::{acl, expect, may, question};
use crate::Operation;

#[test]
fn list_rules_with_and_without_the_closing_slash() {
    let acl = acl(&[r#"
        path "kv/a/" { capabilities = ["list"] }
        path "kv/c" { capabilities = ["list"] }
        path "kv/e/*" { capabilities = ["list"] }
        path "kv/" { capabilities = ["list"] }
    "#]);
    expect(
        &acl,
        "kv/a: deny
         kv/a/: list
         kv/c: list
         kv/c/: list
         kv/e: deny
         kv/e/: list
         kv/: list",
    );
    for path in ["kv/a/", "kv/c/", "kv/e/", "kv/e/f/", "kv/"] {
        assert!(may(&acl, Operation::List, path), "{path}");
        assert!(!may(&acl, Operation::Scan, path), "{path}");
    }
    assert!(!may(&acl, Operation::Read, "kv/c/"), "only listings look without the slash");
}

#[test]
fn a_filter_names_the_path_that_stands_for_a_key() {
    let acl = acl(&[
        r#"path "kv2/metadata/" { capabilities = ["list", "read"] list_scan_response_keys_filter_path = "{{ .path }}{{ .key }}" }
           path "kv2/metadata/a" { capabilities = ["read"] }
           path "kv2/metadata/c" { capabilities = ["deny"] }
           path "other/" { capabilities = ["list"] list_scan_response_keys_filter_path = "x/{{.key}}/y" }"#,
    ]);
    let decision = acl.decide(&question(Operation::List, "kv2/metadata/"));
    let filter = decision.list_filter().unwrap();
    let shown: Vec<&str> = ["a", "b", "c", "d/"]
        .into_iter()
        .filter(|key| {
            let (operation, path) = filter.target("kv2/metadata/", key);
            may(&acl, operation, &path)
        })
        .collect();
    assert_eq!(shown, ["a"]);
    assert!(acl.decide(&question(Operation::Read, "kv2/metadata/")).list_filter().is_none());
    let other = acl.decide(&question(Operation::List, "other/"));
    assert_eq!(other.list_filter().unwrap().target("other/", "k/"), (Operation::List, "x/k//y".to_owned()));
}
