//! `delete/`.

use super::*;

#[tokio::test]
async fn chosen_versions_are_marked() {
    let mut m = Mount::v2();
    for x in 1..=4 {
        m.version("a", json!({"x": x})).await;
    }
    for versions in [json!([1]), json!("2, 3"), json!([1, 99, "4", -1]), json!(4)] {
        assert_eq!(m.post("delete/a", json!({"versions": versions})).await.status, 204);
    }
    let versions = m.get("metadata/a").await.data["versions"].clone();
    for number in ["1", "2", "3", "4"] {
        assert_eq!(versions[number], json!({"created_time": NOW, "deletion_time": NOW, "destroyed": false}));
    }
    let read = m.get_with("data/a", json!({"version": 1})).await;
    assert_eq!((read.status, &read.data["metadata"]["deletion_time"]), (404, &json!(NOW)));
    assert_eq!(m.stored().await["version"], 4, "the data stay");
}

#[tokio::test]
async fn nothing_to_delete_and_nothing_named() {
    let mut m = Mount::v2();
    m.version("a", json!({})).await;
    for path in ["delete", "undelete", "destroy"] {
        let at = format!("{path}/none");
        assert_eq!(m.post(&at, json!({"versions": [1]})).await.status, 204, "{at}");
        let at = format!("{path}/a");
        assert_eq!(m.get(&at).await.status, 405);
        for body in
            [json!({}), json!({"versions": []}), json!({"versions": null}), json!({"versions": ""}), Value::Null]
        {
            let seen = m.post(&at, body).await;
            assert!(seen.error.eq_ignore_ascii_case("no version number provided") && seen.status == 400, "{at}");
        }
        for bad in [json!("x"), json!(["x"]), json!([1.5]), json!({"a": 1}), json!([[1]])] {
            assert_eq!(m.post(&at, json!({"versions": bad})).await.status, 400, "{at}");
        }
    }
    assert_eq!(m.get("data/a").await.status, 200);
}
