//! A mount that had version 1 before.

use super::*;

async fn upgraded() -> Mount {
    let mut m = Mount::v1();
    m.post("a", json!({"x": 1})).await;
    m.post("dir/b", json!({"ttl": "1h", "y": [1]})).await;
    m.sleep(60_000);
    m.bench.mount.options.insert("version".into(), "2".into());
    m
}

#[tokio::test]
async fn old_values_are_version_1() {
    let mut m = upgraded().await;
    for (name, data) in [("a", json!({"x": 1})), ("dir/b", json!({"ttl": "1h", "y": [1]}))] {
        let read = m.get(&format!("data/{name}")).await;
        assert_eq!((read.status, read.lease_seconds), (200, 0));
        assert_eq!(read.data, json!({"data": data, "metadata": fresh(1)}));
    }
    let metadata = m.get("metadata/a").await.data;
    let expected = json!({
        "cas_required": false, "created_time": NOW, "current_metadata_version": 0, "current_version": 1,
        "custom_metadata": null, "delete_version_after": "0s", "max_versions": 0, "metadata_cas_required": false,
        "oldest_version": 1, "updated_time": NOW,
        "versions": {"1": {"created_time": NOW, "deletion_time": "", "destroyed": false}},
    });
    assert_eq!(metadata, expected);
    assert_eq!(m.get("subkeys/a").await.data["subkeys"], json!({"x": null}));
    assert_eq!(m.bench.exists("data/a").ok(), Some(Some(true)));
    assert_eq!(m.get("a").await.status, 404);
    assert_eq!(m.stored().await, json!({"value": 2, "secret": 0, "version": 0}), "reading converts nothing");
}

#[tokio::test]
async fn listings_show_both_kinds_once() {
    let mut m = upgraded().await;
    m.version("a", json!({"x": 2})).await;
    m.version("dir/c", json!({"x": 2})).await;
    assert_eq!(m.keys(Verb::List, "metadata/", Value::Null).await, json!(["a", "dir/"]));
    assert_eq!(m.keys(Verb::List, "metadata/dir/", Value::Null).await, json!(["b", "c"]));
    assert_eq!(m.keys(Verb::Scan, "metadata/", Value::Null).await, json!(["a", "dir/b", "dir/c"]));
    let detailed = m.call(Verb::List, "detailed-metadata/dir/", Value::Null).await;
    assert_eq!(detailed.data["key_info"]["b"]["current_version"], 1);
}

#[tokio::test]
async fn the_next_write_is_version_2_and_leaves_the_first_where_it_is() {
    let mut m = upgraded().await;
    let seen = m.post("data/a", json!({"data": {"x": 2}, "options": {"cas": 1}})).await;
    assert_eq!((seen.status, &seen.data["version"]), (200, &json!(2)));
    assert_eq!(m.stored().await, json!({"value": 2, "secret": 1, "version": 1}));
    assert_eq!(m.get("data/a").await.data["data"], json!({"x": 2}));
    assert_eq!(m.get_with("data/a", json!({"version": 1})).await.data["data"], json!({"x": 1}));
    assert_eq!(m.get("metadata/a").await.data["created_time"], NOW);
}

#[tokio::test]
async fn a_patch_and_settings_convert_too() {
    let mut m = upgraded().await;
    assert_eq!(m.patch("data/a", json!({"data": {"y": 2}})).await.data["version"], 2);
    assert_eq!(m.get("data/a").await.data["data"], json!({"x": 1, "y": 2}));
    m.post("metadata/dir/b", json!({"custom_metadata": {"k": "v"}})).await;
    let metadata = m.get("metadata/dir/b").await.data;
    assert_eq!((&metadata["current_metadata_version"], &metadata["current_version"]), (&json!(1), &json!(1)));
    assert_eq!(m.get("data/dir/b").await.status, 200);
}

#[tokio::test]
async fn deleted_and_brought_back() {
    let mut m = upgraded().await;
    m.delete("data/a").await;
    assert_eq!(m.get("data/a").await.status, 404);
    m.post("undelete/a", json!({"versions": [1]})).await;
    assert_eq!(m.get("data/a").await.data["data"], json!({"x": 1}));
}

#[tokio::test]
async fn destroyed_trimmed_or_removed_it_is_gone_from_the_old_place_too() {
    let mut m = upgraded().await;
    m.post("destroy/a", json!({"versions": [1]})).await;
    assert_eq!(m.stored().await, json!({"value": 1, "secret": 1, "version": 0}));
    assert_eq!(m.get("data/a").await.data["metadata"]["destroyed"], true);
    m.post("config", json!({"max_versions": 1})).await;
    m.version("dir/b", json!({"x": 2})).await;
    assert_eq!(m.stored().await, json!({"value": 0, "secret": 2, "version": 1}));
    assert_eq!(m.get_with("data/dir/b", json!({"version": 1})).await.status, 404);

    let mut m = upgraded().await;
    for name in ["a", "dir/b"] {
        m.post(&format!("metadata/{name}"), json!({"max_versions": 2})).await;
    }
    m.delete("metadata/a").await;
    assert_eq!(m.get("data/a").await.status, 404, "removed after conversion");
    assert_eq!(m.version("a", json!({"x": 9})).await["version"], 1);
    assert_eq!(m.get("data/a").await.data["data"], json!({"x": 9}));

    let mut m = upgraded().await;
    m.delete("metadata/a").await;
    assert_eq!(m.get("metadata/a").await.status, 404, "removed before it");
    assert_eq!(m.stored().await, json!({"value": 1, "secret": 0, "version": 0}));
}
