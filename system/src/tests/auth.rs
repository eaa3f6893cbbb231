//! `sys/auth`, and tuning by either way.

use sdk::{Value, Verb, json};

use super::Server;

#[tokio::test]
async fn a_method_is_enabled_shown_and_disabled() {
    let server = Server::new().await;
    let config = json!({"default_lease_ttl": "30m", "token_type": "batch", "listing_visibility": "unauth"});
    server.write("sys/auth/people", json!({"type": "userpass", "config": config, "local": "true"})).await.ok();
    let shown = server.read("sys/auth/people").await.ok();
    assert_eq!(shown["data"]["config"]["token_type"], "batch");
    assert_eq!(shown["data"]["config"]["default_lease_ttl"], 1800);
    assert_eq!(shown["data"]["local"], true);
    assert!(shown["accessor"].as_str().unwrap().starts_with("auth_userpass_"));
    let all = server.read("sys/auth").await.ok();
    assert_eq!(all["data"]["token/"]["config"]["token_type"], "default-service");
    assert_eq!(all["people/"]["type"], "userpass");
    assert_eq!(server.list("sys/auth").await.status, 404, "it is read, not listed");

    server.write("auth/people/users/bob", json!({"x": 1})).await.ok();
    assert_eq!(server.read("auth/people/users/bob").await.ok()["data"]["x"], 1);
    assert_eq!(server.delete("sys/auth/people").await.status, 204);
    assert_eq!(server.read("auth/people/users/bob").await.status, 404);
    server.read("sys/auth/people").await.refused(400, "people/");
    assert_eq!(server.delete("sys/auth/people").await.status, 204, "nothing left to disable");
    server.write("sys/auth/people", json!({"type": "userpass"})).await.ok();
    assert_eq!(server.read("auth/people/users/bob").await.status, 404, "the same path is another method");
}

#[tokio::test]
async fn what_cannot_be_enabled_is_told_why() {
    let server = Server::new().await;
    for (path, body, naming) in [
        ("x", json!({}), "type"),
        ("x", json!({"type": "nope"}), "nope"),
        ("x", json!({"type": "box"}), "box"),
        ("x", json!({"type": "token"}), "token"),
        ("x", json!({"type": "plugin"}), "plugin_name"),
        ("x", json!({"type": "userpass", "plugin_version": "v1"}), "plugin_version"),
        ("x", json!({"type": "userpass", "config": {"token_type": "weird"}}), "weird"),
        (
            "x",
            json!({"type": "userpass", "config": {"default_lease_ttl": "3h", "max_lease_ttl": "2h"}}),
            "default lease TTL",
        ),
        ("token/x", json!({"type": "userpass"}), "token/"),
    ] {
        server.write(&format!("sys/auth/{path}"), body).await.refused(400, naming);
    }
    server.delete("sys/auth/token").await.refused(400, "token/");
    server.write("sys/mounts/auth/x", json!({"type": "box"})).await.refused(400, "auth/x/");
    server.write("sys/mounts/x", json!({"type": "userpass"})).await.refused(400, "userpass");
}

#[tokio::test]
async fn both_ways_tune_the_same_method() {
    let server = Server::new().await;
    server.write("sys/auth/up", json!({"type": "plugin", "plugin_name": "userpass"})).await.ok();
    let lockout = json!({"lockout_threshold": "3", "lockout_duration": "10m"});
    server.write("sys/auth/up/tune", json!({"max_lease_ttl": "1h", "user_lockout_config": lockout})).await.ok();
    server.write("sys/mounts/auth/up/tune", json!({"user_lockout_config": {"lockout_disable": true}})).await.ok();
    for path in ["sys/auth/up/tune", "sys/mounts/auth/up/tune"] {
        let data = server.read(path).await.ok()["data"].clone();
        assert_eq!(data["max_lease_ttl"], 3600, "{path}");
        assert_eq!(data["user_lockout_threshold"], 3, "the rest of the lockout stays");
        assert_eq!(data["user_lockout_duration"], 600);
        assert_eq!(data["user_lockout_disable"], true);
    }
    assert_eq!(
        server.read("sys/auth/up").await.ok()["data"]["config"]["user_lockout_config"]["user_lockout_threshold"],
        3
    );
    for (path, body, naming) in [
        ("sys/auth/up/tune", json!({"token_type": "nope"}), "nope"),
        ("sys/auth/up/tune", json!({"user_lockout_config": {"lockout_threshold": "x"}}), "lockout_threshold"),
        ("sys/auth/up/tune", json!({"user_lockout_config": {"lockout_threshold": -1}}), "lockout_threshold"),
        ("sys/auth/up/tune", json!({"user_lockout_config": 7}), "user_lockout_config"),
        ("sys/auth/token/tune", json!({"token_type": "batch"}), "token_type"),
        ("sys/auth/token/tune", json!({"user_lockout_config": {}}), "auth/token/"),
        ("sys/auth/nope/tune", json!({"description": "x"}), "nope/"),
    ] {
        server.write(path, body).await.refused(400, naming);
    }
    for (path, name) in [("sys", "default_lease_ttl"), ("cubbyhole", "description"), ("identity", "max_lease_ttl")] {
        server.write(&format!("sys/mounts/{path}/tune"), json!({name: "1h"})).await.refused(400, name);
    }
    server.write("sys/mounts/kv", json!({"type": "box"})).await.ok();
    server.write("sys/mounts/kv/tune", json!({"token_type": "batch"})).await.refused(400, "token_type");
}

#[tokio::test]
async fn enabling_asks_for_sudo() {
    let server = Server::new().await;
    server.policy("half", "path \"sys/*\" { capabilities = [\"create\", \"read\", \"update\", \"delete\"] }").await;
    server.policy("full", "path \"sys/*\" { capabilities = [\"update\", \"sudo\"] }").await;
    let (half, _) = server.token(json!({"policies": ["half"]})).await;
    let (full, _) = server.token(json!({"policies": ["full"]})).await;
    let body = json!({"type": "userpass"});
    assert_eq!(server.send(Verb::Write, "sys/auth/up", &half, body.clone()).await.status, 403);
    assert_eq!(server.send(Verb::Write, "sys/auth/up", &full, body).await.status, 204);
    assert_eq!(server.send(Verb::Read, "sys/auth", &half, Value::Null).await.status, 200);
    assert_eq!(server.send(Verb::Read, "sys/auth", "", Value::Null).await.status, 403);
}
