//! A patch of `data/`.

use super::*;

async fn data(m: &mut Mount) -> Value {
    m.get("data/a").await.data["data"].clone()
}

#[tokio::test]
async fn merges_into_a_new_version() {
    let mut m = Mount::v2();
    m.version("a", json!({"keep": 1, "change": "old", "drop": true, "m": {"x": 1, "y": {"z": 2}}, "l": [1, 2]})).await;
    let change = json!({
        "change": "new", "drop": null, "add": [true], "m": {"x": null, "y": {"w": 3}}, "l": [9], "nothere": null,
    });
    let patched = m.patch("data/a", json!({"data": change})).await;
    assert_eq!((patched.status, patched.data), (200, fresh(2)));
    let mut now = json!({"add": [true], "change": "new", "keep": 1, "l": [9], "m": {"y": {"w": 3, "z": 2}}});
    assert_eq!(data(&mut m).await, now);
    for (change, number, m_becomes) in [
        (json!({}), 3, json!({"y": {"w": 3, "z": 2}})),
        (json!({"m": "flat"}), 4, json!("flat")),
        (json!({"m": {"again": {"n": null, "k": 1}}}), 5, json!({"again": {"k": 1}})),
        (json!({"m": {"again": {"k": null}}}), 6, json!({"again": {}})),
    ] {
        let patched = m.patch("data/a", json!({"data": change})).await;
        assert_eq!(patched.data["version"], number);
        now["m"] = m_becomes;
        assert_eq!(data(&mut m).await, now);
    }
    assert_eq!(m.get_with("data/a", json!({"version": 1})).await.data["data"]["change"], "old");
}

#[tokio::test]
async fn follows_the_version_it_names() {
    let mut m = Mount::v2();
    m.version("a", json!({"a": 1})).await;
    let body = json!({"data": {"c": 1}, "options": {"cas": 1}});
    assert_eq!(m.patch("data/a", body.clone()).await.status, 200);
    let seen = m.patch("data/a", body).await;
    assert_eq!((seen.status, seen.error.as_str()), (400, "check-and-set parameter did not match the current version"));
}

#[tokio::test]
async fn what_is_not_there_cannot_be_patched() {
    let mut m = Mount::v2();
    let body = json!({"data": {"c": 1}});
    let seen = m.patch("data/none", body.clone()).await;
    assert_eq!((seen.status, seen.data, seen.error.as_str()), (404, Value::Null, ""));
    m.post("metadata/bare", json!({"max_versions": 2})).await;
    let seen = m.patch("data/bare", body.clone()).await;
    assert_eq!((seen.status, seen.data), (404, Value::Null));

    m.version("a", json!({"a": 1})).await;
    m.delete("data/a").await;
    let seen = m.patch("data/a", body.clone()).await;
    assert_eq!((seen.status, &seen.data["version"], &seen.data["deletion_time"]), (404, &json!(1), &json!(NOW)));
    m.post("destroy/a", json!({"versions": 1})).await;
    let seen = m.patch("data/a", body).await;
    assert_eq!((seen.status, &seen.data["destroyed"]), (404, &json!(true)));
    assert_eq!(m.get("metadata/a").await.data["current_version"], 1);
}

#[tokio::test]
async fn refused_patches() {
    let mut m = Mount::v2();
    m.version("a", json!({"a": 1})).await;
    for body in [json!({}), json!({"data": "text"}), json!({"options": {"cas": 1}})] {
        assert_eq!(m.patch("data/a", body.clone()).await.status, 400, "{body}");
    }
    for (content_type, status) in [("application/json", 415), ("text/plain", 415), ("", 400)] {
        m.bench.content_type = content_type;
        for path in ["data/a", "metadata/a"] {
            let seen = m.call(Verb::Patch, path, json!({"data": {"b": 1}, "max_versions": 1})).await;
            assert_eq!(seen.status, status, "{path} {content_type:?}");
        }
    }
    assert_eq!(m.get("metadata/a").await.data["current_version"], 1);
}

#[tokio::test]
async fn a_null_version_is_patched_as_an_empty_one() {
    let mut m = Mount::v2();
    m.version("a", Value::Null).await;
    assert_eq!(m.patch("data/a", json!({"data": {"b": {"c": null, "d": 1}}})).await.status, 200);
    assert_eq!(data(&mut m).await, json!({"b": {"d": 1}}));
}
