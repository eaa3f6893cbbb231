//! `data/`.

use super::*;

#[tokio::test]
async fn versions_come_one_after_the_other() {
    let mut m = Mount::v2();
    assert_eq!(m.get("data/a").await.status, 404);
    assert_eq!(m.version("a", json!({"x": 1})).await, fresh(1));
    assert_eq!(m.version("a", json!({"x": 2})).await, fresh(2));
    for (query, number) in [(Value::Null, 2), (json!({"version": "1"}), 1), (json!({"version": 0}), 2)] {
        let read = m.get_with("data/a", query).await;
        assert_eq!((read.status, read.data), (200, json!({"data": {"x": number}, "metadata": fresh(number)})));
    }
    assert_eq!(m.get_with("data/a", json!({"version": 3})).await.status, 404);
    assert_eq!(m.get_with("data/a", json!({"version": "x"})).await.status, 400);
    assert_eq!(m.get("data/").await.status, 404);
    assert_eq!(m.get("data/a/").await.status, 404);
}

#[tokio::test]
async fn any_object_is_a_secret_and_so_is_null() {
    let mut m = Mount::v2();
    for data in [
        json!({"float": 1.5, "n": null, "l": [1, "a", null, {"x": []}], "m": {"a": {"b": {}}}, "ключ": "🔑"}),
        json!({"i": 9_007_199_254_740_993_i64}),
        json!({}),
        Value::Null,
    ] {
        m.version("t", data.clone()).await;
        assert_eq!(m.get("data/t").await.data["data"], data);
    }
    let extra = m.post("data/t", json!({"data": {"x": 1}, "options": {}, "other": "ignored"})).await;
    assert_eq!(extra.warnings, ["Endpoint ignored these unrecognized parameters: [other]"]);
}

#[tokio::test]
async fn refused_writes_leave_nothing() {
    let mut m = Mount::v2();
    for (path, body, says) in [
        ("data/a", json!({"x": 1}), "no data provided"),
        ("data/a", Value::Null, "no data provided"),
        ("data/a", json!({"options": {"cas": 0}}), "no data provided"),
        ("data/a", json!({"data": "text"}), "data"),
        ("data/a", json!({"data": [1]}), "data"),
        ("data/a", json!({"data": 5}), "data"),
        ("data/a", json!({"data": {"x": 1}, "options": "text"}), "options"),
        ("data/a", json!({"data": {"x": 1}, "options": {"cas": "text"}}), "error parsing check-and-set parameter"),
        ("data/a", json!({"data": {"x": 1}, "options": {"cas": 1.5}}), "error parsing check-and-set parameter"),
        ("data/", json!({"data": {"x": 1}}), "missing path"),
        ("data/a/", json!({"data": {"x": 1}}), "cannot write to a path ending in '/'"),
        ("data/a//b", json!({"data": {"x": 1}}), "cannot write to a path with an empty part"),
    ] {
        let seen = m.post(path, body).await;
        assert!(seen.status == 400 && seen.error.contains(says), "{path}: {}", seen.error);
    }
    assert_eq!(m.stored().await, json!({"value": 0, "secret": 0, "version": 0}));
}

#[tokio::test]
async fn a_write_happens_only_after_the_version_it_names() {
    let mut m = Mount::v2();
    let mismatch = "check-and-set parameter did not match the current version";
    for (cas, outcome) in [
        (json!(1), Err(mismatch)),
        (json!(null), Ok(1)),
        (json!(0), Err(mismatch)),
        (json!("1"), Ok(2)),
        (json!(-1), Err(mismatch)),
        (json!(2), Ok(3)),
    ] {
        let seen = m.post("data/a", json!({"data": {}, "options": {"cas": cas.clone()}})).await;
        match outcome {
            Ok(number) => assert_eq!((seen.status, &seen.data["version"]), (200, &json!(number)), "{cas}"),
            Err(text) => assert_eq!((seen.status, seen.error.as_str()), (400, text), "{cas}"),
        }
    }
}

#[tokio::test]
async fn mount_and_secret_can_demand_check_and_set() {
    let mut m = Mount::v2();
    let demanded = "check-and-set parameter required for this call";
    m.version("a", json!({"x": 1})).await;
    m.post("config", json!({"cas_required": true})).await;
    assert_eq!(m.post("data/a", json!({"data": {"x": 2}})).await.error, demanded);
    assert_eq!(m.post("data/new", json!({"data": {"x": 2}})).await.error, demanded);
    assert_eq!(m.post("data/a", json!({"data": {"x": 2}, "options": {"cas": 1}})).await.status, 200);
    assert_eq!(m.post("data/new", json!({"data": {"x": 2}, "options": {"cas": 0}})).await.status, 200);
    assert_eq!(m.delete("data/a").await.status, 204, "a delete needs none");
    m.post("config", json!({"cas_required": false})).await;
    assert_eq!(m.version("a", json!({"x": 3})).await["version"], 3);

    m.post("metadata/b", json!({"cas_required": true})).await;
    assert_eq!(m.post("data/b", json!({"data": {"x": 1}})).await.error, demanded);
    assert_eq!(m.post("data/b", json!({"data": {"x": 1}, "options": {"cas": 0}})).await.status, 200);
    assert_eq!(m.patch("data/b", json!({"data": {"y": 1}})).await.error, demanded);
    let patched = m.patch("data/b", json!({"data": {"y": 1}, "options": {"cas": 1}})).await;
    assert_eq!(patched.data["version"], 2);
}

#[tokio::test]
async fn a_delete_marks_the_latest_version() {
    let mut m = Mount::v2();
    m.version("a", json!({"x": 1})).await;
    m.version("a", json!({"x": 2})).await;
    m.sleep(1_500);
    assert_eq!(m.delete("data/a").await.status, 204);
    let mut gone = fresh(2);
    gone["deletion_time"] = json!("2023-11-14T22:13:21.5Z");
    for query in [Value::Null, json!({"version": 2})] {
        let read = m.get_with("data/a", query).await;
        assert_eq!((read.status, read.data), (404, json!({"data": null, "metadata": gone.clone()})));
    }
    assert_eq!(m.get_with("data/a", json!({"version": 1})).await.status, 200);
    m.sleep(1_500);
    assert_eq!(m.delete("data/a").await.status, 204, "once more");
    let metadata = m.get("metadata/a").await.data;
    assert_eq!(metadata["versions"]["2"]["deletion_time"], "2023-11-14T22:13:21.5Z", "the first time counts");
    assert_eq!(metadata["updated_time"], NOW);
    assert_eq!(m.version("a", json!({"x": 3})).await["version"], 3);
    assert_eq!(m.get("data/a").await.data["data"], json!({"x": 3}));
    for nothing in ["data/none", "data/", "data/a/"] {
        assert_eq!(m.delete(nothing).await.status, 204, "{nothing}");
    }
    assert_eq!(m.keys(Verb::List, "metadata/", Value::Null).await, json!(["a"]));
}

#[tokio::test]
async fn tells_a_create_from_an_update() {
    let mut m = Mount::v2();
    m.version("s/a", json!({})).await;
    m.post("metadata/s/b", json!({"max_versions": 1})).await;
    for (path, there) in [
        ("data/s/a", Some(true)),
        ("data/s/b", Some(true)),
        ("data/s/c", Some(false)),
        ("data/s", Some(false)),
        ("data/s/", Some(false)),
        ("metadata/s/a", Some(true)),
        ("metadata/s/c", Some(false)),
        ("config", None),
        ("delete/s/a", None),
        ("undelete/s/a", None),
        ("destroy/s/a", None),
    ] {
        assert_eq!(m.bench.exists(path).ok(), Some(there), "{path}");
    }
}
