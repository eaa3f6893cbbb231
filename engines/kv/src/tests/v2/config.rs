//! `config`.

use super::*;

fn defaults() -> Value {
    json!({"cas_required": false, "delete_version_after": "0s", "max_versions": 0, "metadata_cas_required": false})
}

#[tokio::test]
async fn each_field_by_itself() {
    let mut m = Mount::v2();
    assert_eq!(m.get("config").await.data, defaults());
    let body = json!({"max_versions": 5, "cas_required": true, "delete_version_after": "3h25m19s"});
    assert_eq!(m.post("config", body).await.status, 204);
    let mut expected = json!({
        "cas_required": true, "delete_version_after": "3h25m19s", "max_versions": 5, "metadata_cas_required": false,
    });
    assert_eq!(m.get("config").await.data, expected);
    for (body, field, reads) in [
        (json!({"max_versions": "7"}), "max_versions", json!(7)),
        (json!({"cas_required": "false"}), "cas_required", json!(false)),
        (json!({"metadata_cas_required": true}), "metadata_cas_required", json!(true)),
        (json!({"delete_version_after": 90}), "delete_version_after", json!("1m30s")),
        (json!({"delete_version_after": "1500ms"}), "delete_version_after", json!("1s")),
        (json!({"delete_version_after": "-3h"}), "delete_version_after", json!("-1s")),
        (json!({"delete_version_after": "0s"}), "delete_version_after", json!("0s")),
        (json!({"max_versions": null}), "max_versions", json!(0)),
    ] {
        assert_eq!(m.post("config", body).await.status, 204);
        expected[field] = reads;
        assert_eq!(m.get("config").await.data, expected);
    }
}

#[tokio::test]
async fn nothing_and_nonsense_change_nothing() {
    let mut m = Mount::v2();
    for (body, status) in [
        (json!({}), 204),
        (Value::Null, 204),
        (json!({"nonsense": 1}), 204),
        (json!({"max_versions": "many"}), 400),
        (json!({"cas_required": "perhaps"}), 400),
        (json!({"cas_required": 5}), 400),
        (json!({"delete_version_after": "soon"}), 400),
    ] {
        let seen = m.post("config", body.clone()).await;
        assert_eq!((seen.status, seen.warnings.len()), (status, 0), "{body}");
    }
    assert_eq!(m.get("config").await.data, defaults());
    assert_eq!(m.delete("config").await.status, 405);
    assert_eq!(m.call(Verb::List, "config/", Value::Null).await.status, 404);
}
