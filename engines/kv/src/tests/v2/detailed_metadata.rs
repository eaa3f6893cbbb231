//! `detailed-metadata/`.

use super::*;

#[tokio::test]
async fn a_listing_carries_metadata() {
    let mut m = Mount::v2();
    m.post("metadata/a", json!({"custom_metadata": {"k": "v"}, "max_versions": 4})).await;
    for name in ["a", "b", "b/c"] {
        m.version(name, json!({"x": 1})).await;
    }
    let (a, b, c) = (m.get("metadata/a").await.data, m.get("metadata/b").await.data, m.get("metadata/b/c").await.data);
    for (verb, path, query, expected) in [
        (Verb::List, "", Value::Null, json!({"keys": ["a", "b", "b/"], "key_info": {"a": a, "b": b, "b/": {}}})),
        (Verb::List, "b/", Value::Null, json!({"keys": ["c"], "key_info": {"c": c}})),
        (Verb::List, "", json!({"limit": 1}), json!({"keys": ["a"], "key_info": {"a": a}})),
        (Verb::Scan, "", Value::Null, json!({"keys": ["a", "b", "b/c"], "key_info": {"a": a, "b": b, "b/c": c}})),
        (Verb::Scan, "b/", Value::Null, json!({"keys": ["c"], "key_info": {"c": c}})),
    ] {
        let seen = m.call(verb, &format!("detailed-metadata/{path}"), query).await;
        assert_eq!((seen.status, seen.data), (200, expected));
    }
    assert_eq!(m.call(Verb::List, "detailed-metadata/none/", Value::Null).await.status, 404);
    assert_eq!(m.get("detailed-metadata/a").await.status, 405);
}
