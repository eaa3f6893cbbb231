//! `move/`.

use super::*;

async fn history(m: &mut Mount) {
    m.version("a/x", json!({"n": 1})).await;
    m.post("metadata/a/x", json!({"custom_metadata": {"owner": "ann"}, "max_versions": 5})).await;
    m.sleep(1_000);
    m.version("a/x", json!({"n": 2})).await;
    m.version("a/x", json!({"n": 3})).await;
    m.version("a/x", Value::Null).await;
    m.post("destroy/a/x", json!({"versions": [1]})).await;
    m.post("delete/a/x", json!({"versions": [2]})).await;
}

#[tokio::test]
async fn a_secret_moves_with_its_history_and_leaves_nothing() {
    let mut m = Mount::v2();
    history(&mut m).await;
    let before = m.get("metadata/a/x").await.data;
    let moved = m.post("move/a/x", json!({"to": "b/y/z"})).await;
    assert_eq!((moved.status, moved.data), (200, json!({"mount": "m/", "path": "b/y/z", "current_version": 4})));
    assert_eq!(m.get("metadata/a/x").await.status, 404);
    assert_eq!(m.get("data/a/x").await.status, 404);
    assert_eq!(m.get("metadata/b/y/z").await.data, before);
    assert_eq!(m.keys(Verb::List, "metadata/", Value::Null).await, json!(["b/"]));
    for (version, status, data) in
        [(1, 404, Value::Null), (2, 404, Value::Null), (3, 200, json!({"n": 3})), (4, 200, Value::Null)]
    {
        let read = m.get_with("data/b/y/z", json!({ "version": version })).await;
        assert_eq!((read.status, &read.data["data"]), (status, &data), "version {version}");
    }
    m.post("undelete/b/y/z", json!({"versions": [2]})).await;
    assert_eq!(m.get_with("data/b/y/z", json!({"version": 2})).await.data["data"], json!({"n": 2}));
    assert_eq!(m.stored().await, json!({"value": 0, "secret": 1, "version": 3}));
    assert_eq!(m.version("b/y/z", json!({})).await["version"], 5);
}

#[tokio::test]
async fn below_itself_and_back() {
    let mut m = Mount::v2();
    history(&mut m).await;
    let before = m.get("metadata/a/x").await.data;
    for (from, to) in [("a/x", "a/x/deeper"), ("a/x/deeper", "a"), ("a", "a/x")] {
        assert_eq!(m.post(&format!("move/{from}"), json!({ "to": to })).await.status, 200, "{from} to {to}");
        assert_eq!(m.get(&format!("metadata/{from}")).await.status, 404);
    }
    assert_eq!(m.get("metadata/a/x").await.data, before);
    assert_eq!(m.stored().await, json!({"value": 0, "secret": 1, "version": 3}));
}

#[tokio::test]
async fn what_cannot_move_is_refused_and_stays() {
    let mut m = Mount::v2();
    history(&mut m).await;
    m.version("there", json!({"t": 1})).await;
    let before = (m.get("metadata/a/x").await.data, m.stored().await);
    for (path, body, status, says) in [
        ("move/a/x", json!({}), 400, "missing to"),
        ("move/a/x", json!({"to": ""}), 400, "must each name a secret"),
        ("move/a/x", json!({"to": "b/"}), 400, "must each name a secret"),
        ("move/a/x", json!({"to": "b//c"}), 400, "must each name a secret"),
        ("move/a/x", json!({"to": "/b"}), 400, "must each name a secret"),
        ("move/", json!({"to": "b"}), 400, "must each name a secret"),
        ("move/a/x", json!({"to": "a/x"}), 400, "has this name already"),
        ("move/a/x", json!({"to": "a/x", "to_mount": "m"}), 400, "has this name already"),
        ("move/a", json!({"to": "b"}), 400, "this is a folder"),
        ("move/none", json!({"to": "b"}), 404, ""),
        ("move/a/x", json!({"to": "there"}), 400, "a secret of this name already"),
        ("move/a/x", json!({"to": "b", "to_mount": "other"}), 400, "no kv mount of version 2 at \"other/\""),
        ("move/a/x", json!({"to": "b", "options": {"cas": 3}}), 400, "did not match"),
        ("move/a/x", json!({"to": "b", "options": {"cas": "x"}}), 400, "error parsing"),
        (
            "move/a/x",
            json!({"to": "there", "replace": true, "options": {"to_cas": 2}}),
            400,
            "of the secret to be replaced",
        ),
    ] {
        let seen = m.post(path, body.clone()).await;
        assert!(seen.status == status && seen.error.contains(says), "{body}: {} {}", seen.status, seen.error);
    }
    assert_eq!((m.get("metadata/a/x").await.data, m.stored().await), before);
}

#[tokio::test]
async fn a_secret_of_the_same_name_is_replaced_if_that_is_said() {
    let mut m = Mount::v2();
    history(&mut m).await;
    let before = m.get("metadata/a/x").await.data;
    for n in 1..=7 {
        m.version("there", json!({ "t": n })).await;
    }
    let body = json!({"to": "there", "replace": true, "options": {"cas": 4, "to_cas": 7}});
    assert_eq!(m.post("move/a/x", body).await.status, 200);
    assert_eq!(m.get("metadata/there").await.data, before);
    assert_eq!(m.get_with("data/there", json!({"version": 3})).await.data["data"], json!({"n": 3}));
    assert_eq!(m.stored().await, json!({"value": 0, "secret": 1, "version": 3}));
}

#[tokio::test]
async fn who_demands_check_and_set_gets_it() {
    let mut m = Mount::v2();
    let demanded = "check-and-set parameter required for this call";
    history(&mut m).await;
    m.version("there", json!({})).await;
    m.post("config", json!({"cas_required": true})).await;
    assert_eq!(m.post("move/a/x", json!({"to": "b"})).await.error, demanded);
    let replacing = |options: Value| json!({"to": "there", "replace": true, "options": options});
    assert!(m.post("move/a/x", replacing(json!({"cas": 4}))).await.error.contains("to be replaced"));
    assert_eq!(m.post("move/a/x", replacing(json!({"cas": 4, "to_cas": 1}))).await.status, 200);
}

#[tokio::test]
async fn between_mounts() {
    let mut m = Mount::v2();
    history(&mut m).await;
    let before = m.get("metadata/a/x").await.data;
    let beside = m.bench.beside("other/");
    m.bench.other = Some(beside);
    let body = json!({"to": "b", "to_mount": "other/", "options": {"cas": 4}});
    let moved = m.post("move/a/x", body.clone()).await;
    assert_eq!((moved.status, moved.data), (200, json!({"mount": "other/", "path": "b", "current_version": 4})));
    assert_eq!(m.stored().await, json!({"value": 0, "secret": 0, "version": 0}));
    history(&mut m).await;
    assert!(m.post("move/a/x", body).await.error.contains("a secret of this name already"), "it is there");
    assert_eq!(m.get("metadata/a/x").await.data["current_version"], before["current_version"]);

    let mut older = m.bench.beside("older/");
    older.mount.options.clear();
    m.bench.other = Some(older);
    let refused = m.post("move/a/x", json!({"to": "b", "to_mount": "older"})).await;
    assert!(refused.error.contains("no kv mount of version 2"), "{}", refused.error);
    let mut stranger = m.bench.beside("stranger/");
    stranger.mount.kind = "transit".into();
    m.bench.other = Some(stranger);
    assert_eq!(m.post("move/a/x", json!({"to": "b", "to_mount": "stranger"})).await.status, 400);
}

#[tokio::test]
async fn a_secret_of_version_1_moves_too() {
    let mut m = Mount::v1();
    m.post("old", json!({"k": "v"})).await;
    m.bench.mount.options.insert("version".into(), "2".into());
    assert_eq!(m.post("move/old", json!({"to": "new"})).await.status, 200);
    assert_eq!(m.get("data/new").await.data["data"], json!({"k": "v"}));
    assert_eq!(m.get("data/old").await.status, 404);
    assert_eq!(m.stored().await, json!({"value": 0, "secret": 1, "version": 1}));
}

#[test]
fn it_asks_for_every_right_that_it_uses() {
    let backend = crate::version_2();
    let matched = backend.find("move/a/x").expect("the path");
    let body = json!({"to": "b", "to_mount": "other", "replace": true});
    let body = body.as_object().cloned().unwrap_or_default();
    let touches = matched.touches(&matched.params(body)).ok().flatten().expect("what it touches");
    assert_eq!(touches.other.as_deref(), Some("other/"));
    let told = |rights: &[(sdk::Right, String)]| {
        rights.iter().map(|(right, path)| format!("{right:?} {path}")).collect::<Vec<_>>()
    };
    assert_eq!(told(&touches.here), ["Read data/a/x", "Read metadata/a/x", "Delete data/a/x", "Delete metadata/a/x"]);
    assert_eq!(told(&touches.there), ["Create data/b", "Create metadata/b", "Update data/b", "Delete metadata/b"]);
}
