//! `delete_version_after`.

use super::*;

#[tokio::test]
async fn a_version_past_its_time_reads_as_deleted() {
    let mut m = Mount::v2();
    m.post("metadata/a", json!({"delete_version_after": "2s"})).await;
    assert_eq!(m.version("a", json!({"x": 1})).await["deletion_time"], "2023-11-14T22:13:22Z");
    m.sleep(1_999);
    assert_eq!(m.get("data/a").await.status, 200);
    m.sleep(1);
    let read = m.get("data/a").await;
    assert_eq!((read.status, &read.data["data"]), (404, &Value::Null));
    assert_eq!(m.get("subkeys/a").await.status, 404);

    m.post("undelete/a", json!({"versions": [1]})).await;
    let read = m.get("data/a").await;
    assert_eq!((read.status, &read.data["metadata"]["deletion_time"]), (200, &json!("2023-11-14T22:13:24Z")));
    m.sleep(2_000);
    assert_eq!(m.get("data/a").await.status, 404);

    m.post("metadata/a", json!({"delete_version_after": 0})).await;
    assert_eq!(m.get("data/a").await.status, 404, "the setting alone brings nothing back");
    m.post("undelete/a", json!({"versions": [1]})).await;
    assert_eq!(m.get("data/a").await.data["metadata"]["deletion_time"], "");
    assert_eq!(m.version("a", json!({"x": 2})).await["deletion_time"], "");
}

#[tokio::test]
async fn the_shorter_of_mount_and_secret_counts() {
    let mut m = Mount::v2();
    m.post("config", json!({"delete_version_after": "1h"})).await;
    for (own, deletion) in [("0s", "23:13:20Z"), ("2s", "22:13:22Z"), ("5h", "23:13:20Z")] {
        m.post("metadata/a", json!({"delete_version_after": own})).await;
        let made = m.version("a", json!({})).await;
        assert_eq!(made["deletion_time"], format!("2023-11-14T{deletion}"), "{own}");
    }
    m.post("config", json!({"delete_version_after": "-1s"})).await;
    assert_eq!(m.version("a", json!({})).await["deletion_time"], "", "a negative one switches it off");
    m.post("config", json!({"delete_version_after": "0s"})).await;
    assert_eq!(m.version("a", json!({})).await["deletion_time"], "2023-11-15T03:13:20Z");
    assert_eq!(m.version("b", json!({})).await["deletion_time"], "");
}

#[tokio::test]
async fn the_longest_time_is_no_overflow() {
    let mut m = Mount::v2();
    assert_eq!(m.post("metadata/a", json!({"delete_version_after": 9_000_000_000_i64})).await.status, 204);
    m.version("a", json!({"x": 1})).await;
    assert_eq!(m.get("data/a").await.status, 200);
    assert_eq!(m.post("config", json!({"delete_version_after": i64::MAX})).await.status, 400);
}
