//! `subkeys/`.

use super::*;

#[tokio::test]
async fn a_shape_without_values() {
    let mut m = Mount::v2();
    m.version("a", json!({"x": 1, "m": {"y": {"z": {"w": 2}}, "l": [1, {"k": 2}], "e": {}}, "n": null})).await;
    m.version("a", json!({"only": 1})).await;
    let read = m.get("subkeys/a").await;
    assert_eq!((read.status, read.data), (200, json!({"metadata": fresh(2), "subkeys": {"only": null}})));
    let whole = json!({"e": null, "l": null, "y": {"z": {"w": null}}});
    for (depth, inner) in [
        (json!(null), whole.clone()),
        (json!(0), whole.clone()),
        (json!("1"), Value::Null),
        (json!(2), json!({"e": null, "l": null, "y": null})),
        (json!(3), json!({"e": null, "l": null, "y": {"z": null}})),
        (json!(9), whole),
        (json!(-1), Value::Null),
    ] {
        let read = m.get_with("subkeys/a", json!({"version": 1, "depth": depth.clone()})).await;
        assert_eq!(read.data["subkeys"], json!({"m": inner, "n": null, "x": null}), "{depth}");
    }
    assert_eq!(m.get_with("subkeys/a", json!({"depth": "x"})).await.status, 400);
    assert_eq!(m.get_with("subkeys/a", json!({"version": 7})).await.status, 404);
    for nothing in ["subkeys/none", "subkeys/"] {
        assert_eq!(m.get(nothing).await.status, 404);
    }
    assert_eq!(m.post("subkeys/a", json!({})).await.status, 405);
}

#[tokio::test]
async fn of_what_is_gone_only_the_metadata() {
    let mut m = Mount::v2();
    m.version("a", json!({"x": 1})).await;
    m.delete("data/a").await;
    let mut gone = fresh(1);
    gone["deletion_time"] = json!(NOW);
    let read = m.get("subkeys/a").await;
    assert_eq!((read.status, read.data), (404, json!({"metadata": gone.clone(), "subkeys": null})));
    m.post("destroy/a", json!({"versions": [1]})).await;
    gone["destroyed"] = json!(true);
    assert_eq!(m.get("subkeys/a").await.data["metadata"], gone);
}
