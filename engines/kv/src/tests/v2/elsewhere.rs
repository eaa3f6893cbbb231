//! Paths that version 2 does not have.

use super::*;

#[tokio::test]
async fn a_path_of_version_1_says_where_to_look() {
    let mut m = Mount::v2();
    for (verb, path, command) in [
        (Verb::Read, "a", "get"),
        (Verb::Read, "", "get"),
        (Verb::Read, "config/", "get"),
        (Verb::Read, "subkeys", "get"),
        (Verb::Write, "a", "put"),
        (Verb::Delete, "a/b", "delete"),
        (Verb::Patch, "a", "patch"),
        (Verb::List, "a/", "list"),
        (Verb::List, "config/", "list"),
        (Verb::Scan, "a/", "scan"),
    ] {
        let seen = m.call(verb, path, json!({"x": 1})).await;
        assert_eq!((seen.status, seen.data, seen.warnings.len()), (404, Value::Null, 1), "{path}");
        assert!(seen.warnings[0].contains(&format!("kv {command}")), "{}", seen.warnings[0]);
    }
    for path in ["data", "metadata", "delete", "undelete", "destroy"] {
        for verb in [Verb::Read, Verb::Write] {
            let seen = m.call(verb, path, json!({"data": {"x": 1}})).await;
            assert_eq!(seen.status, 404);
            assert_eq!(seen.warnings, ["Non-listing operations on the root of a K/V v2 mount are not supported."]);
        }
    }
    assert_eq!(m.call(Verb::List, "data/a/", Value::Null).await.status, 405);
}
