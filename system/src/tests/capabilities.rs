//! `sys/capabilities…` and `sys/internal/ui/resultant-acl`.

use sdk::{Value, Verb, json};

use super::Server;

const RULES: &str = r#"
path "kv/a" { capabilities = ["create", "read"] }
path "kv/sub/*" { capabilities = ["update", "list", "sudo"] }
path "kv/no" { capabilities = ["deny"] }
path "kv/no/*" { capabilities = ["read"] }
path "kv/no/deeper" { capabilities = ["deny", "read"] }
path "kv/+/x" { capabilities = ["patch"] }
"#;

#[tokio::test]
async fn the_three_ways_answer_the_same() {
    let server = Server::new().await;
    server.policy("c", RULES).await;
    let (token, accessor) = server.token(json!({"policies": ["c"]})).await;
    let all = [
        ("kv/a", json!(["create", "read"])),
        ("/kv/a", json!(["create", "read"])),
        ("kv/sub/y", json!(["list", "sudo", "update"])),
        ("kv/sub/", json!(["list", "sudo", "update"])),
        ("kv/no", json!(["deny"])),
        ("kv/no/more", json!(["read"])),
        ("kv/no/deeper", json!(["deny"])),
        ("kv/q/x", json!(["patch"])),
        ("other", json!(["deny"])),
        ("cubbyhole/mine", json!(["create", "delete", "list", "read", "update"])),
    ];
    let paths: Vec<&str> = all.iter().map(|(path, _)| *path).collect();
    let asked = json!({"paths": paths, "token": token, "accessor": accessor});
    for got in [
        server.send(Verb::Write, "sys/capabilities-self", &token, asked.clone()).await,
        server.write("sys/capabilities", asked.clone()).await,
        server.write("sys/capabilities-accessor", asked.clone()).await,
    ] {
        let body = got.ok();
        for (path, capabilities) in &all {
            assert_eq!(body["data"][path], *capabilities, "{path}");
            assert_eq!(body[path], *capabilities, "also at the top");
        }
        assert!(body["data"].get("capabilities").is_none(), "that is for one path");
    }
    let one = server.send(Verb::Write, "sys/capabilities-self", &token, json!({"path": "kv/a"})).await.ok();
    assert_eq!(one["data"]["capabilities"], json!(["create", "read"]));
    let (batch, _) = server.token(json!({"policies": ["c"], "type": "batch", "ttl": "10m"})).await;
    let asked = json!({"path": "kv/a", "token": batch});
    let of_batch = server.write("sys/capabilities", asked).await.ok();
    assert_eq!(of_batch["data"]["kv/a"], json!(["create", "read"]), "one that is stored nowhere");
    let root = server.write("sys/capabilities-self", json!({"paths": "kv/a,sys/seal"})).await.ok();
    assert_eq!((&root["data"]["kv/a"], &root["data"]["sys/seal"]), (&json!(["root"]), &json!(["root"])));
}

#[tokio::test]
async fn a_wrong_question_is_told_what_it_lacks() {
    let server = Server::new().await;
    let (token, accessor) = server.token(json!({"policies": ["default"]})).await;
    for (path, body, naming) in [
        ("sys/capabilities-self", json!({}), "paths"),
        ("sys/capabilities-self", json!({"paths": []}), "paths"),
        ("sys/capabilities", json!({"token": token}), "paths"),
        ("sys/capabilities", json!({"path": "a"}), "token"),
        ("sys/capabilities", json!({"path": "a", "token": "s.nope"}), "invalid token"),
        ("sys/capabilities-accessor", json!({"path": "a"}), "accessor"),
        ("sys/capabilities-accessor", json!({"path": "a", "accessor": "nope"}), "invalid accessor"),
    ] {
        server.write(path, body).await.refused(400, naming);
    }
    let asked = json!({"path": "a", "token": token, "accessor": accessor});
    for path in ["sys/capabilities", "sys/capabilities-accessor"] {
        assert_eq!(server.send(Verb::Write, path, &token, asked.clone()).await.status, 403, "{path}");
    }
    assert_eq!(server.send(Verb::Write, "sys/capabilities-self", "", asked.clone()).await.status, 403);
    server.write("auth/token/revoke", json!({"token": token})).await.ok();
    server.write("sys/capabilities", asked.clone()).await.refused(400, "invalid token");
    server.write("sys/capabilities-accessor", asked).await.refused(400, "invalid accessor");
}

#[tokio::test]
async fn the_merged_rules_show_as_they_are() {
    let server = Server::new().await;
    server.policy("c", RULES).await;
    let (token, _) = server.token(json!({"policies": ["c"]})).await;
    let acl = server.send(Verb::Read, "sys/internal/ui/resultant-acl", &token, Value::Null).await.ok();
    let data = &acl["data"];
    assert_eq!(data["root"], false);
    assert_eq!(data["exact_paths"]["kv/a"]["capabilities"], json!(["create", "read"]));
    assert_eq!(data["exact_paths"]["kv/no"]["capabilities"], json!(["deny"]));
    assert_eq!(data["glob_paths"]["kv/sub/"]["capabilities"], json!(["list", "sudo", "update"]));
    assert_eq!(data["glob_paths"]["kv/+/x"]["capabilities"], json!(["patch"]));
    assert_eq!(server.read("sys/internal/ui/resultant-acl").await.ok()["data"]["root"], true);
}
