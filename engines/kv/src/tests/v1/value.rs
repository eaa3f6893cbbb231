//! The one path of version 1.

use crate::tests::*;

#[tokio::test]
async fn write_read_overwrite_list_delete() {
    let mut m = Mount::v1();
    assert_eq!(m.get("a").await.status, 404);
    assert_eq!(m.call(Verb::List, "", Value::Null).await.status, 404);
    assert_eq!(m.post("a", json!({"x": 1, "y": "two words here"})).await.status, 204);
    let read = m.get("a").await;
    assert_eq!((read.status, read.lease_seconds), (200, 2_764_800));
    assert_eq!(read.data, json!({"x": 1, "y": "two words here"}));
    assert_eq!(m.keys(Verb::List, "", Value::Null).await, json!(["a"]));
    assert_eq!(m.post("a", json!({"z": 2})).await.status, 204);
    assert_eq!(m.get("a").await.data, json!({"z": 2}), "a write replaces the whole");
    assert_eq!(m.delete("a").await.status, 204);
    assert_eq!(m.delete("a").await.status, 204);
    assert_eq!(m.get("a").await.status, 404);
    assert_eq!(m.stored().await["value"], 0);
}

#[tokio::test]
async fn a_ttl_is_a_hint_and_not_capped() {
    let mut m = Mount::v1();
    m.bench.mount.default_lease_ttl = std::time::Duration::from_secs(90);
    m.bench.mount.max_lease_ttl = std::time::Duration::from_secs(7_200);
    for (body, seconds) in [
        (json!({"x": 1}), 90),
        (json!({"ttl": "5h"}), 18_000),
        (json!({"ttl": 30}), 30),
        (json!({"lease": "1m"}), 60),
        (json!({"ttl": "2m", "lease": "1m"}), 120),
        (json!({"ttl": "soon"}), 90),
        (json!({"ttl": {"a": 1}}), 90),
        (json!({"ttl": "-5m"}), 90),
    ] {
        m.post("a", body.clone()).await;
        let read = m.get("a").await;
        assert_eq!((read.lease_seconds, &read.data), (seconds, &body));
    }
}

#[tokio::test]
async fn json_comes_back_as_written() {
    let mut m = Mount::v1();
    let body = json!({
        "big": 12_345_678_901_234_567_890_u64, "exp": 1e21, "el": [], "em": {}, "f": false, "float": 1.5, "n": null,
        "l": [1, "a", null, {"x": []}], "m": {"a": {"b": {"c": [1, 2, 3]}}}, "s": "", "": "empty key", "path": "mine",
        "d": 9_007_199_254_740_993_i64, "html": "<a>&amp;</a>", "ключ": "🔑",
    });
    let written = m.post("t", body.clone()).await;
    assert_eq!((written.status, written.warnings.len()), (204, 0));
    assert_eq!(m.get("t").await.data, body);
}

#[tokio::test]
async fn a_key_and_a_folder_of_one_name_live_side_by_side() {
    let mut m = Mount::v1();
    for name in ["a", "a/b", "a/b/c", "z", "B", "10", "9"] {
        m.post(name, json!({"at": name})).await;
    }
    assert_eq!(m.keys(Verb::List, "", Value::Null).await, json!(["10", "9", "B", "a", "a/", "z"]));
    assert_eq!(m.keys(Verb::List, "a/", Value::Null).await, json!(["b", "b/"]));
    assert_eq!(m.get("a/b").await.data, json!({"at": "a/b"}));
    assert_eq!(m.get("a/").await.status, 404, "a folder is no secret");
    for nothing in ["z/", "none/", "a//"] {
        assert_eq!(m.call(Verb::List, nothing, Value::Null).await.status, 404, "{nothing}");
    }
    m.delete("a").await;
    m.delete("a/").await;
    assert_eq!(m.keys(Verb::List, "", Value::Null).await, json!(["10", "9", "B", "a/", "z"]));
    m.delete("a/b/c").await;
    assert_eq!(m.call(Verb::List, "a/b/", Value::Null).await.status, 404);
    assert_eq!(m.keys(Verb::List, "a/", Value::Null).await, json!(["b"]));
}

#[tokio::test]
async fn names_are_any_text() {
    let mut m = Mount::v1();
    let names = ["+a+b", "Case", "a.b-c_d~e", "a:b@c=d,e;f", "café", "case", "pct%y", "with space"];
    for name in names {
        m.post(name, json!({"at": name})).await;
    }
    assert_eq!(m.keys(Verb::List, "", Value::Null).await, json!(names));
    for name in names {
        assert_eq!(m.get(name).await.data, json!({"at": name}));
    }
}

#[tokio::test]
async fn a_scan_shows_the_whole_tree() {
    let mut m = Mount::v1();
    for name in ["a", "b/c", "b/d", "e"] {
        m.post(name, json!({"x": 1})).await;
    }
    assert_eq!(m.keys(Verb::Scan, "", Value::Null).await, json!(["a", "e", "b/c", "b/d"]));
    assert_eq!(m.keys(Verb::Scan, "b/", Value::Null).await, json!(["c", "d"]));
    assert_eq!(m.call(Verb::Scan, "none/", Value::Null).await.status, 404);
    let listed = m.call(Verb::List, "", json!({"limit": 2})).await;
    assert_eq!(listed.data["keys"], json!(["a", "b/", "e"]), "version 1 does not page");
    assert_eq!(listed.warnings, ["Endpoint ignored these unrecognized parameters: [limit]"]);
    let read = m.call(Verb::Read, "a", json!({"list": "false"})).await;
    assert_eq!((read.status, read.warnings.len()), (200, 1));
}

#[tokio::test]
async fn refused_writes() {
    let mut m = Mount::v1();
    for (path, body, says) in [
        ("a", json!({}), "missing data fields"),
        ("a", Value::Null, "missing data fields"),
        ("", json!({"a": 1}), "missing path"),
        ("a/", json!({"a": 1}), "cannot write to a path ending in '/'"),
        ("a//b", json!({"a": 1}), "cannot write to a path with an empty part"),
    ] {
        let seen = m.post(path, body).await;
        assert_eq!((seen.status, seen.error.as_str()), (400, says), "{path}");
    }
    assert_eq!(m.patch("a", json!({"a": 1})).await.status, 405);
    let long = "x".repeat(40_000);
    assert_eq!(m.post(&long, json!({"a": 1})).await.status, 400);
    assert_eq!(m.stored().await["value"], 0);
}

#[tokio::test]
async fn tells_a_create_from_an_update() {
    let mut m = Mount::v1();
    m.post("c/a", json!({"x": 1})).await;
    for (path, there) in [("c/a", true), ("c/b", false), ("c", false), ("c/", false), ("", false)] {
        assert_eq!(m.bench.exists(path).ok(), Some(Some(there)), "{path}");
    }
}
