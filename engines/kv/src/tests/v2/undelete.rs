//! `undelete/`.

use super::*;

#[tokio::test]
async fn chosen_versions_come_back() {
    let mut m = Mount::v2();
    for x in 1..=3 {
        m.version("a", json!({"x": x})).await;
    }
    m.post("delete/a", json!({"versions": [1, 2, 3]})).await;
    for (versions, number) in [(json!("1"), 1), (json!(["2"]), 2), (json!(3), 3)] {
        assert_eq!(m.post("undelete/a", json!({"versions": versions})).await.status, 204);
        let read = m.get_with("data/a", json!({"version": number})).await;
        assert_eq!(read.data, json!({"data": {"x": number}, "metadata": fresh(number)}));
    }
}
