//! Mounts that move, and what callers see of them; the nodes behind them.

use sdk::{Value, Verb, json};

use super::Server;

#[tokio::test]
async fn a_mount_moves_with_what_it_keeps() {
    let server = Server::new().await;
    server.write("sys/mounts/old", json!({"type": "box"})).await.ok();
    server.write("sys/auth/up", json!({"type": "userpass"})).await.ok();
    server.write("old/a", json!({"x": 1})).await.ok();
    server.write("auth/up/a", json!({"x": 2})).await.ok();
    let accessor = server.read("sys/auth/up").await.ok()["accessor"].clone();
    for (from, to) in [("old", "new/place"), ("auth/up", "auth/people")] {
        let moved = server.write("sys/remount", json!({"from": from, "to": to})).await.ok();
        let id = moved["migration_id"].as_str().unwrap();
        let status = server.read(&format!("sys/remount/status/{id}")).await.ok();
        let info = &status["data"]["migration_info"];
        assert_eq!(info["status"], "success");
        assert_eq!(
            (&info["source_mount"], &info["target_mount"]),
            (&json!(format!("{from}/")), &json!(format!("{to}/")))
        );
    }
    assert_eq!(server.read("new/place/a").await.ok()["data"]["x"], 1);
    assert_eq!(server.read("old/a").await.status, 404);
    assert_eq!(server.read("auth/people/a").await.ok()["data"]["x"], 2);
    assert_eq!(server.read("sys/auth/people").await.ok()["accessor"], accessor, "the same method");
    assert_eq!(server.read("sys/remount/status/nope").await.status, 404);
    let inside = json!({"from": "new/place", "to": "new/place/deeper"});
    server.write("sys/remount", inside).await.ok();
    assert_eq!(server.read("new/place/deeper/a").await.ok()["data"]["x"], 1);
}

#[tokio::test]
async fn no_mount_lies_in_another() {
    let server = Server::new().await;
    let mount = async |path: &str| server.write(&format!("sys/mounts/{path}"), json!({"type": "box"})).await;
    mount("a/b/c").await.ok();
    for inside in ["a/b/c", "a/b/c/d", "a", "a/b"] {
        mount(inside).await.refused(400, "path is already in use at a/b/c/");
    }
    mount("a/b2").await.ok();
    // What moves leaves its own place, and no other's.
    server.write("sys/remount", json!({"from": "a/b/c", "to": "a"})).await.refused(400, "in use at a/b2/");
    server.write("sys/remount", json!({"from": "a/b/c", "to": "a/b"})).await.ok();
    mount("a/b/c").await.refused(400, "in use at a/b/");
    server.delete("sys/mounts/a/b").await.ok();
    mount("a").await.refused(400, "in use at a/b2/");
    server.delete("sys/mounts/a/b2").await.ok();
    mount("a").await.ok();
}

#[tokio::test]
async fn what_cannot_move_is_told_why() {
    let server = Server::new().await;
    for mount in ["old", "taken"] {
        server.write(&format!("sys/mounts/{mount}"), json!({"type": "box"})).await.ok();
    }
    for (from, to, naming) in [
        ("gone", "new", "gone/"),
        ("old", "taken", "taken/"),
        ("old", "taken/deeper", "taken/"),
        ("old", "", "'to'"),
        ("", "new", "'from'"),
        ("sys", "new", "sys/"),
        ("cubbyhole", "new", "cubbyhole/"),
        ("old", "sys/x", "sys/x/"),
        ("old", "auth/x", "auth/x/"),
        ("auth/token", "auth/tok", "auth/token/"),
        ("old", " spaced ", "white space"),
        ("old", "a/../b", "a/../b/"),
    ] {
        server.write("sys/remount", json!({"from": from, "to": to})).await.refused(400, naming);
    }
    server.write("old/a", json!({"x": 1})).await.ok();
    server.policy("half", "path \"sys/remount\" { capabilities = [\"update\"] }").await;
    let (half, _) = server.token(json!({"policies": ["half"]})).await;
    let asked = json!({"from": "old", "to": "new"});
    assert_eq!(server.send(Verb::Write, "sys/remount", &half, asked).await.status, 403, "it asks for sudo");
    assert_eq!(server.read("old/a").await.status, 200);
}

#[tokio::test]
async fn everybody_sees_the_mounts_they_can_use() {
    let server = Server::new().await;
    let open = json!({"type": "box", "description": "s", "config": {"listing_visibility": "unauth"}});
    server.write("sys/mounts/seen", open).await.ok();
    server.write("sys/mounts/mine", json!({"type": "box"})).await.ok();
    server.write("sys/mounts/other", json!({"type": "box"})).await.ok();
    let open = json!({"type": "userpass", "config": {"listing_visibility": "unauth"}});
    server.write("sys/auth/up", open).await.ok();
    server.policy("p", "path \"mine/a\" { capabilities = [\"read\"] }").await;
    let (token, _) = server.token(json!({"policies": ["p"]})).await;
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let path = "sys/internal/ui/mounts";

    let stranger = server.send(Verb::Read, path, "", Value::Null).await.ok();
    let seen = json!({"seen/": {"description": "s", "options": {}, "type": "box"}});
    assert_eq!(stranger["data"]["secret"], seen, "no more than that");
    assert_eq!(names(&stranger["data"]["auth"]), ["up/"]);

    let user = server.send(Verb::Read, path, &token, Value::Null).await.ok();
    assert_eq!(names(&user["data"]["secret"]), ["cubbyhole/", "identity/", "mine/", "seen/", "sys/"]);
    assert_eq!(names(&user["data"]["auth"]), ["token/", "up/"]);
    let one = server.send(Verb::Read, "sys/internal/ui/mounts/mine/a", &token, Value::Null).await.ok();
    assert_eq!((&one["data"]["path"], &one["data"]["type"]), (&json!("mine/"), &json!("box")));
    server.send(Verb::Read, "sys/internal/ui/mounts/other/a", &token, Value::Null).await.refused(403, "other/a");
    assert!(names(&server.read(path).await.ok()["data"]["secret"]).contains(&"other/".to_owned()));
}

#[tokio::test]
async fn the_nodes_show() {
    let server = Server::new().await;
    let status = server.read("sys/ha-status").await.ok();
    let node = &status["nodes"][0];
    assert_eq!((&node["active_node"], &node["last_echo"]), (&json!(true), &Value::Null));
    assert_eq!(node["hostname"], "alone");
    assert_eq!(status["data"]["nodes"], status["nodes"]);
    assert_eq!(server.send(Verb::Read, "sys/ha-status", "", Value::Null).await.status, 403);
    let before = server.read("sys/internal/counters/tokens").await.ok();
    server.token(json!({})).await;
    let after = server.read("sys/internal/counters/tokens").await.ok();
    let total = |body: &Value| body["data"]["counters"]["service_tokens"]["total"].as_u64().unwrap();
    assert_eq!(total(&after), total(&before) + 1);
}
