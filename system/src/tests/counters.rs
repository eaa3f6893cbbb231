//! What the server tells of itself: versions, plugins, requests under way, what is counted and what is not.

use sdk::{Value, Verb, json};

use super::Server;

#[tokio::test]
async fn the_version_that_leads_is_in_the_history() {
    let server = Server::new().await;
    let history = server.list("sys/version-history").await.ok();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(history["data"]["keys"], json!([version]));
    let info = &history["data"]["key_info"][version];
    assert_eq!((&info["previous_version"], &info["commit_date"]), (&Value::Null, &json!("")));
    assert!(info["timestamp_installed"].as_str().unwrap().ends_with('Z'), "{info}");
    assert_eq!(server.read("sys/version-history").await.status, 405);
    assert_eq!(server.send(Verb::List, "sys/version-history", "", Value::Null).await.status, 403);
}

#[tokio::test]
async fn a_request_sees_itself_under_way() {
    let server = Server::new().await;
    let shown = server.read("sys/in-flight-req").await.ok();
    let requests: Vec<&Value> = shown.as_object().unwrap().values().collect();
    assert_eq!(requests.len(), 1, "{shown}");
    assert_eq!(requests[0]["request_path"], "/v1/sys/in-flight-req");
    assert_eq!(requests[0]["request_method"], "GET");
    let (poor, _) = server.token(json!({"policies": ["default"]})).await;
    assert_eq!(server.send(Verb::Read, "sys/in-flight-req", &poor, Value::Null).await.status, 403);
    assert!(server.node().in_flight.all().is_empty(), "nothing is left behind");
}

#[tokio::test]
async fn plugins_are_built_in_and_stay_so() {
    let server = Server::new().await;
    let all = server.read("sys/plugins/catalog").await.ok();
    assert_eq!(all["data"]["auth"], json!(["userpass"]));
    assert_eq!(all["data"]["secret"], json!(["box"]), "what every server has once is no plugin");
    assert_eq!(all["data"]["detailed"][0]["builtin"], true);
    assert_eq!(server.list("sys/plugins/catalog/auth").await.ok()["data"]["keys"], json!(["userpass"]));
    let one = server.read("sys/plugins/catalog/secret/box").await.ok();
    assert_eq!((&one["data"]["name"], &one["data"]["builtin"]), (&json!("box"), &json!(true)));
    assert_eq!(server.read("sys/plugins/catalog/secret/nope").await.status, 404);
    assert_eq!(server.read("sys/plugins/catalog/auth").await.status, 405);
    let old = server.read("sys/plugins/catalog/box").await.ok();
    assert!(old["warnings"][0].as_str().unwrap().contains("secret/kv"), "{old}");
    let asked = json!({"sha256": "aa", "command": "x"});
    server.write("sys/plugins/catalog/secret/mine", asked).await.refused(400, "built in");
    server.delete("sys/plugins/catalog/secret/mine").await.ok();
    server.policy("all", "path \"sys/*\" { capabilities = [\"create\", \"read\", \"update\", \"list\"] }").await;
    let (no_sudo, _) = server.token(json!({"policies": ["all"]})).await;
    let read = async |path: &str| server.send(Verb::Read, path, &no_sudo, Value::Null).await.status;
    assert_eq!((read("sys/plugins/catalog").await, read("sys/plugins/catalog/secret/box").await), (200, 403));

    server.write("sys/mounts/here", json!({"type": "box"})).await.ok();
    let reload = async |asked| server.write("sys/plugins/reload/backend", asked).await;
    assert!(reload(json!({"plugin": "box"})).await.ok()["data"]["reload_id"].is_string());
    reload(json!({"mounts": ["here", "auth/token/"]})).await.ok();
    reload(json!({"mounts": ["here/x"]})).await.refused(400, "here/x");
    reload(json!({"plugin": "nope"})).await.refused(400, "nope");
    reload(json!({"plugin": "box", "mounts": "here"})).await.refused(400, "same time");
    reload(json!({})).await.refused(400, "must be provided");
}

#[tokio::test]
async fn what_is_not_counted_is_said() {
    let server = Server::new().await;
    let entities = server.read("sys/internal/counters/entities").await.ok();
    assert_eq!(entities["data"]["counters"]["entities"]["total"], 0);
    server.read("sys/internal/counters/requests").await.refused(404, "sys/metrics");
    server.read("sys/internal/counters/activity").await.refused(404, "not counted");
}

#[tokio::test]
async fn who_brings_a_dead_token_is_told_so_where_none_is_needed() {
    let server = Server::new().await;
    let read = async |token: &str| server.send(Verb::Read, "sys/internal/ui/mounts", token, Value::Null).await;
    read("").await.ok();
    read("s.dead").await.refused(403, "permission denied");
    let (token, _) = server.token(json!({"policies": ["default"]})).await;
    read(&token).await.ok();
}

#[tokio::test]
async fn options_that_were_null_read_null() {
    let server = Server::new().await;
    server.write("sys/mounts/null", json!({"type": "box", "options": null, "config": null})).await.ok();
    server.write("sys/mounts/none", json!({"type": "box"})).await.ok();
    let options = async |path: &str| server.read(path).await.ok()["data"]["options"].clone();
    assert_eq!((options("sys/mounts/null").await, options("sys/mounts/none").await), (Value::Null, json!({})));
    server.write("sys/mounts/odd", json!({"type": "box", "options": 3})).await.refused(400, "options");
}
