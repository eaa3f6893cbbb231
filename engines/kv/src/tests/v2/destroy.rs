//! `destroy/`.

use super::*;

#[tokio::test]
async fn the_data_are_gone_for_good() {
    let mut m = Mount::v2();
    for x in 1..=3 {
        m.version("a", json!({"x": x})).await;
    }
    assert_eq!(m.post("destroy/a", json!({"versions": [1, 77]})).await.status, 204);
    assert_eq!(m.stored().await, json!({"value": 0, "secret": 1, "version": 2}));
    let mut gone = fresh(1);
    gone["destroyed"] = json!(true);
    for _ in 0..2 {
        let read = m.get_with("data/a", json!({"version": 1})).await;
        assert_eq!((read.status, read.data), (404, json!({"data": null, "metadata": gone.clone()})));
        assert_eq!(m.post("undelete/a", json!({"versions": [1]})).await.status, 204);
    }
    assert_eq!(m.post("destroy/a", json!({"versions": "3"})).await.status, 204);
    assert_eq!(m.get("data/a").await.status, 404);
    m.post("delete/a", json!({"versions": [3]})).await;
    m.delete("data/a").await;
    let versions = m.get("metadata/a").await.data["versions"].clone();
    assert_eq!(versions["3"], json!({"created_time": NOW, "deletion_time": "", "destroyed": true}));
    assert_eq!(versions["2"]["destroyed"], false);
    assert_eq!(m.version("a", json!({"x": 4})).await, fresh(4));
    assert_eq!(m.get("data/a").await.data["data"], json!({"x": 4}));
}

#[tokio::test]
async fn a_deleted_version_can_be_destroyed_too() {
    let mut m = Mount::v2();
    m.version("a", json!({"x": 1})).await;
    m.delete("data/a").await;
    m.post("destroy/a", json!({"versions": [1]})).await;
    assert_eq!(m.stored().await["version"], 0);
    m.post("undelete/a", json!({"versions": [1]})).await;
    assert_eq!(m.get("data/a").await.status, 404);
}
