//! `metadata/`.

use super::*;

fn bare() -> Value {
    json!({
        "cas_required": false, "created_time": NOW, "current_metadata_version": 1, "current_version": 0,
        "custom_metadata": null, "delete_version_after": "0s", "max_versions": 0, "metadata_cas_required": false,
        "oldest_version": 0, "updated_time": NOW, "versions": {},
    })
}

#[tokio::test]
async fn settings_may_come_before_the_first_version() {
    let mut m = Mount::v2();
    assert_eq!(m.get("metadata/a").await.status, 404);
    let custom = json!({"owner": "me", "n": 5, "b": true});
    let body = json!({
        "max_versions": 3, "cas_required": true, "delete_version_after": "1h30m", "custom_metadata": custom,
    });
    assert_eq!(m.post("metadata/a", body).await.status, 204);
    let mut expected = bare();
    expected["max_versions"] = json!(3);
    expected["cas_required"] = json!(true);
    expected["delete_version_after"] = json!("1h30m0s");
    expected["custom_metadata"] = json!({"b": "1", "n": "5", "owner": "me"});
    assert_eq!(m.get("metadata/a").await.data, expected);
    assert_eq!(m.get("data/a").await.status, 404);

    m.sleep(1_000);
    m.post("metadata/a", json!({"max_versions": "4"})).await;
    expected["max_versions"] = json!(4);
    expected["current_metadata_version"] = json!(2);
    expected["updated_time"] = json!("2023-11-14T22:13:21Z");
    assert_eq!(m.get("metadata/a").await.data, expected);

    m.post("metadata/a", json!({"custom_metadata": {"team": "blue"}, "cas_required": "false"})).await;
    let made = m.version("a", json!({"x": 1})).await;
    assert_eq!(made["custom_metadata"], json!({"team": "blue"}));
    assert_eq!(m.get("data/a").await.data["metadata"]["custom_metadata"], json!({"team": "blue"}));
    for none in [json!({}), Value::Null] {
        m.post("metadata/a", json!({"custom_metadata": {"k": "v"}})).await;
        m.post("metadata/a", json!({"custom_metadata": none})).await;
        assert_eq!(m.get("metadata/a").await.data["custom_metadata"], Value::Null);
    }
}

#[tokio::test]
async fn nothing_named_changes_nothing() {
    let mut m = Mount::v2();
    for body in [json!({}), json!({"nonsense": 1}), json!({"metadata_cas": 0})] {
        let seen = m.post("metadata/b", body.clone()).await;
        assert_eq!((seen.status, seen.warnings.len()), (204, 0), "{body}");
        assert_eq!(m.patch("metadata/b", body).await.status, 204);
    }
    assert_eq!(m.get("metadata/b").await.status, 404);
    m.version("c", json!({"x": 1})).await;
    let mut expected = bare();
    expected["current_metadata_version"] = json!(0);
    expected["current_version"] = json!(1);
    expected["versions"] = json!({"1": {"created_time": NOW, "deletion_time": "", "destroyed": false}});
    assert_eq!(m.get("metadata/c").await.data, expected);
}

#[tokio::test]
async fn refused_values() {
    let mut m = Mount::v2();
    let many = |n: usize| json!((0..n).map(|i| (format!("k{i}"), json!("v"))).collect::<sdk::Map<_, _>>());
    assert_eq!(m.post("metadata/a", json!({"custom_metadata": many(64)})).await.status, 204);
    let before = m.get("metadata/a").await.data;
    for (custom, says) in [
        (many(65), "payload must contain at most 64 keys, provided 65"),
        (json!({"k".repeat(129): "v"}), "is 129 but must be 0 < len(key) <= 128"),
        (json!({"k": "v".repeat(513)}), "length of value for key \"k\" is 513 but must be 0 < len(value) <= 512"),
        (json!({"": "v"}), "length of key \"\" is 0"),
        (json!({"k": ""}), "length of value for key \"k\" is 0"),
        (json!({"k": null}), "length of value for key \"k\" is 0"),
        (json!({"k": {"nested": 1}}), "custom_metadata validation failed"),
        (json!({"k": "a\u{7}b"}), "value for key \"k\" contains unprintable characters"),
        (json!({"k\u{202e}": "b"}), "contains unprintable characters"),
        (json!({"": "", "k": "\n"}), "3 errors occurred:"),
        (json!("text"), "custom_metadata"),
    ] {
        let seen = m.post("metadata/a", json!({"custom_metadata": custom})).await;
        assert!(seen.status == 400 && seen.error.contains(says), "{}", seen.error);
    }
    for (path, body) in [
        ("metadata/a", json!({"max_versions": "x"})),
        ("metadata/a", json!({"cas_required": 5})),
        ("metadata/a", json!({"delete_version_after": "-1s"})),
        ("metadata/a", json!({"delete_version_after": "soon"})),
        ("metadata/", json!({"max_versions": 1})),
    ] {
        assert_eq!(m.post(path, body.clone()).await.status, 400, "{path} {body}");
    }
    assert_eq!(m.get("metadata/").await.status, 404);
    assert_eq!(m.get("metadata/a").await.data, before);
    let printable = json!({"k": "naïve – “é” 🔑 e\u{301} \"q\" 'q' \\ x"});
    assert_eq!(m.post("metadata/a", json!({"custom_metadata": printable.clone()})).await.status, 204);
    assert_eq!(m.get("metadata/a").await.data["custom_metadata"], printable);
}

#[tokio::test]
async fn a_patch_changes_what_it_names() {
    let mut m = Mount::v2();
    let seen = m.patch("metadata/none", json!({"max_versions": 1})).await;
    assert_eq!((seen.status, seen.data, seen.error.as_str()), (404, Value::Null, ""));
    let body = json!({"max_versions": 3, "cas_required": true, "delete_version_after": "1m", "custom_metadata": {
        "keep": "k", "change": "old", "drop": "d",
    }});
    m.post("metadata/a", body).await;
    let change = json!({"change": "new", "drop": null, "add": 5, "nothere": null});
    assert_eq!(m.patch("metadata/a", json!({"max_versions": 4, "custom_metadata": change})).await.status, 204);
    let mut expected = bare();
    expected["max_versions"] = json!(4);
    expected["cas_required"] = json!(true);
    expected["delete_version_after"] = json!("1m0s");
    expected["current_metadata_version"] = json!(2);
    expected["custom_metadata"] = json!({"keep": "k", "change": "new", "add": "5"});
    assert_eq!(m.get("metadata/a").await.data, expected);

    let nulls =
        json!({"max_versions": null, "cas_required": null, "delete_version_after": null, "custom_metadata": null});
    assert_eq!(m.patch("metadata/a", nulls).await.status, 204);
    expected = bare();
    expected["current_metadata_version"] = json!(3);
    assert_eq!(m.get("metadata/a").await.data, expected);
    for custom in [json!({"k": ""}), json!({"k": {"x": 1}}), json!({"k": "\u{0}"})] {
        assert_eq!(m.patch("metadata/a", json!({"custom_metadata": custom})).await.status, 400);
    }
}

#[tokio::test]
async fn a_mount_that_demands_overrules() {
    let mut m = Mount::v2();
    m.post("config", json!({"cas_required": true})).await;
    m.post("data/a", json!({"data": {}, "options": {"cas": 0}})).await;
    let warning = "\"cas_required\" set to false, but is mandated by backend config. This value will be ignored.";
    let seen = m.post("metadata/a", json!({"cas_required": false})).await;
    assert_eq!((seen.status, seen.data, seen.warnings), (200, Value::Null, vec![warning.to_owned()]));
    let seen = m.patch("metadata/a", json!({"cas_required": false})).await;
    assert_eq!((seen.status, seen.warnings.len()), (200, 1));
    assert_eq!(m.get("metadata/a").await.data["current_metadata_version"], 2);
}

#[tokio::test]
async fn metadata_have_a_check_and_set_of_their_own() {
    let mut m = Mount::v2();
    let demanded = "metadata check-and-set parameter required for this call";
    let mismatch = "metadata check-and-set parameter does not match the current version";
    let seen = m.post("metadata/a", json!({"max_versions": 1, "metadata_cas": 1})).await;
    assert_eq!((seen.status, seen.error.as_str()), (400, "metadata_cas must be 0 when creating new metadata"));
    let body = json!({"metadata_cas_required": true, "metadata_cas": 0});
    assert_eq!(m.post("metadata/a", body.clone()).await.status, 204);
    assert_eq!(m.post("metadata/a", body).await.error, mismatch);
    assert_eq!(m.post("metadata/a", json!({"max_versions": 1})).await.error, demanded);
    assert_eq!(m.patch("metadata/a", json!({"max_versions": 1})).await.error, demanded);
    assert_eq!(m.patch("metadata/a", json!({"max_versions": 1, "metadata_cas": 1})).await.status, 204);
    assert_eq!(m.post("metadata/a", json!({"max_versions": 2, "metadata_cas": "2"})).await.status, 204);
    assert_eq!(m.version("a", json!({})).await["version"], 1, "data need none");
    let metadata = m.get("metadata/a").await.data;
    assert_eq!((&metadata["current_metadata_version"], &metadata["max_versions"]), (&json!(3), &json!(2)));

    m.post("config", json!({"metadata_cas_required": true})).await;
    assert_eq!(m.post("metadata/b", json!({"max_versions": 1})).await.error, demanded);
    let seen = m.post("metadata/b", json!({"metadata_cas_required": false, "metadata_cas": 0})).await;
    assert_eq!((seen.status, seen.warnings.len()), (200, 1));
}

#[tokio::test]
async fn a_delete_removes_the_secret_and_its_versions_alone() {
    let mut m = Mount::v2();
    m.post("metadata/a", json!({"custom_metadata": {"k": "v"}, "max_versions": 2})).await;
    for name in ["a", "a", "a/b", "ab"] {
        m.version(name, json!({"x": 1})).await;
    }
    assert_eq!(m.delete("metadata/a").await.status, 204);
    assert_eq!(m.stored().await, json!({"value": 0, "secret": 2, "version": 2}));
    for path in ["data/a", "metadata/a"] {
        assert_eq!(m.get(path).await.status, 404);
    }
    assert_eq!(m.get_with("data/a", json!({"version": 1})).await.status, 404);
    for other in ["data/a/b", "data/ab"] {
        assert_eq!(m.get(other).await.status, 200);
    }
    for nothing in ["metadata/a", "metadata/none", "metadata/", "metadata/a/"] {
        assert_eq!(m.delete(nothing).await.status, 204);
    }
    assert_eq!(m.keys(Verb::List, "metadata/", Value::Null).await, json!(["a/", "ab"]));
    assert_eq!(m.version("a", json!({"x": 3})).await, fresh(1), "it begins anew");
}

#[tokio::test]
async fn listings() {
    let mut m = Mount::v2();
    assert_eq!(m.call(Verb::List, "metadata/", Value::Null).await.status, 404);
    for name in ["a", "b/c", "b/d", "e"] {
        m.version(name, json!({"x": 1})).await;
    }
    for (query, keys) in [
        (Value::Null, json!(["a", "b/", "e"])),
        (json!({"limit": "2"}), json!(["a", "b/"])),
        (json!({"after": "a"}), json!(["b/", "e"])),
        (json!({"after": "a", "limit": 1}), json!(["b/"])),
        (json!({"after": "aa"}), json!(["b/", "e"])),
        (json!({"limit": 0}), json!(["a", "b/", "e"])),
        (json!({"limit": -1}), json!(["a", "b/", "e"])),
    ] {
        assert_eq!(m.keys(Verb::List, "metadata/", query.clone()).await, keys, "{query}");
    }
    assert_eq!(m.call(Verb::List, "metadata/", json!({"after": "z"})).await.status, 404);
    assert_eq!(m.call(Verb::List, "metadata/", json!({"limit": "x"})).await.status, 400);
    assert_eq!(m.call(Verb::List, "metadata/a/", Value::Null).await.status, 404);
    assert_eq!(m.keys(Verb::List, "metadata/b/", Value::Null).await, json!(["c", "d"]));
    assert_eq!(m.keys(Verb::Scan, "metadata/", Value::Null).await, json!(["a", "e", "b/c", "b/d"]));
    assert_eq!(m.keys(Verb::Scan, "metadata/b/", Value::Null).await, json!(["c", "d"]));
}
