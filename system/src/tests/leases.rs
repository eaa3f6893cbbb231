//! `sys/leases`, as far as tokens have leases, and trees of tokens.

use std::time::Duration;

use sdk::{Value, Verb, json};

use super::Server;

async fn lease_ids(server: &Server) -> Vec<String> {
    let got = server.list("sys/leases/lookup/auth/token/create").await;
    let names = got.body["data"]["keys"].as_array().cloned().unwrap_or_default();
    names.iter().map(|name| format!("auth/token/create/{}", name.as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_token_ends_with_its_lease() {
    let server = Server::new().await;
    let (token, _) = server.token(json!({"policies": ["default"], "ttl": "10m"})).await;
    assert_eq!(server.list("sys/leases/lookup/auth/").await.ok()["data"]["keys"], json!(["token/"]));
    assert_eq!(server.list("sys/leases/lookup/auth/token").await.ok()["data"]["keys"], json!(["create/"]));
    let id = lease_ids(&server).await.remove(0);
    let shown = server.write("sys/leases/lookup", json!({"lease_id": id})).await.ok();
    assert_eq!(shown["data"]["id"], json!(id));
    assert_eq!((&shown["data"]["ttl"], &shown["data"]["renewable"]), (&json!(600), &json!(true)));
    assert_eq!(shown["data"]["last_renewal"], Value::Null);
    server.write("sys/leases/renew", json!({"lease_id": id, "increment": 60})).await.refused(400, "auth/token/renew");
    server.write(&format!("sys/leases/renew/{id}"), json!({})).await.refused(400, "auth/token/renew");
    assert!(server.lives(&token).await);
    assert_eq!(server.write("sys/leases/revoke", json!({"lease_id": id})).await.status, 204);
    assert!(!server.lives(&token).await);
    server.write("sys/leases/lookup", json!({"lease_id": id})).await.refused(400, "invalid lease");
    server.write("sys/leases/renew", json!({"lease_id": id})).await.refused(400, "lease not found");
    assert_eq!(server.write("sys/leases/revoke", json!({"lease_id": id})).await.status, 204, "nothing left to revoke");
    for path in ["sys/leases/lookup", "sys/leases/renew", "sys/leases/revoke", "sys/renew", "sys/revoke"] {
        server.write(path, json!({})).await.refused(400, "lease_id");
    }
}

#[tokio::test]
async fn a_lease_of_a_namespace_below_is_found_from_above_and_from_nowhere_else() {
    let server = Server::new().await;
    for name in ["a", "b"] {
        server.write(&format!("sys/namespaces/{name}"), json!({})).await.ok();
    }
    let made = server.write_in("a", "auth/token/create", json!({"ttl": "10m"})).await.ok();
    let token = made["auth"]["client_token"].as_str().unwrap().to_owned();
    let listed = server.list("a/sys/leases/lookup/auth/token/create").await.ok();
    let id = format!("auth/token/create/{}", listed["data"]["keys"][0].as_str().unwrap());
    let given = json!({ "lease_id": id });
    server.write_in("b", "sys/leases/lookup", given.clone()).await.refused(400, "invalid lease");
    assert_eq!(server.write_in("b", "sys/leases/revoke", given.clone()).await.status, 204);
    assert!(server.lives(&token).await, "from beside there is no such lease");
    assert_eq!(server.write("sys/leases/lookup", given.clone()).await.ok()["data"]["ttl"], 600);
    server.write("sys/leases/renew", given.clone()).await.refused(400, "auth/token/renew");
    assert_eq!(server.write("sys/leases/revoke", given.clone()).await.status, 204);
    assert!(!server.lives(&token).await);
    server.write("sys/leases/lookup", given).await.refused(400, "invalid lease");
}

#[tokio::test]
async fn the_older_and_the_longer_forms_revoke_too() {
    let server = Server::new().await;
    for (path, status) in [("sys/leases/revoke", 204), ("sys/revoke", 204), ("sys/leases/revoke/", 204)] {
        let (token, _) = server.token(json!({"policies": ["default"]})).await;
        let id = lease_ids(&server).await.remove(0);
        let got = match path.strip_suffix('/') {
            Some(path) => server.write(&format!("{path}/{id}"), json!({})).await,
            None => server.write(path, json!({"lease_id": id})).await,
        };
        assert_eq!(got.status, status, "{path}");
        assert!(!server.lives(&token).await, "{path}");
    }
    server.token(json!({"policies": ["default"]})).await;
    let id = lease_ids(&server).await.remove(0);
    assert_eq!(server.write("sys/leases/revoke", json!({"lease_id": id, "sync": false})).await.status, 202);
    assert!(lease_ids(&server).await.is_empty());
}

#[tokio::test]
async fn a_lease_id_has_one_spelling_and_ends_with_its_time() {
    let server = Server::new().await;
    let (token, _) = server.token(json!({"policies": ["default"], "ttl": "10m"})).await;
    let id = lease_ids(&server).await.remove(0);
    server.write("sys/leases/lookup", json!({"lease_id": format!("/{id}")})).await.refused(400, "invalid lease");
    server.write("sys/leases/lookup", json!({"lease_id": "auth/token/create"})).await.refused(400, "invalid lease");
    server.alone.advance(Duration::from_secs(601));
    assert!(!server.lives(&token).await);
    server.write("sys/leases/lookup", json!({"lease_id": id})).await.refused(400, "invalid lease");
}

/// More than one batch takes.
#[tokio::test]
async fn a_prefix_is_revoked_whole_and_nothing_beside_it() {
    let server = Server::new().await;
    let mut tokens = Vec::new();
    for _ in 0..150 {
        tokens.push(server.token(json!({"policies": ["default"]})).await.0);
    }
    let child = json!({"policies": ["root"], "ttl": "1h"});
    let (parent, _) = server.token(child).await;
    let made = server.send(Verb::Write, "auth/token/create-orphan", &parent, json!({"ttl": "1h"})).await.ok();
    let orphan = made["auth"]["client_token"].as_str().unwrap().to_owned();
    let made = server.send(Verb::Write, "auth/token/create", &parent, json!({"policies": ["default"]})).await.ok();
    tokens.push(made["auth"]["client_token"].as_str().unwrap().to_owned());
    tokens.push(parent);

    let (limited, _) = server.token(json!({"policies": ["default"]})).await;
    let path = "sys/leases/revoke-prefix/auth/token/create";
    assert_eq!(server.send(Verb::Write, path, &limited, json!({})).await.status, 403);
    assert_eq!(server.write("sys/leases/revoke-prefix/auth/token/crea", json!({})).await.status, 204);
    assert!(server.lives(&tokens[0]).await, "a prefix ends where a path's part ends");
    assert_eq!(server.write(path, json!({})).await.status, 204);
    for token in &tokens {
        assert!(!server.lives(token).await);
    }
    assert!(server.lives(&orphan).await, "its lease is below another path");
    assert_eq!(server.list("sys/leases/lookup/auth/token/create").await.status, 404);
    let force = "sys/leases/revoke-force/auth/token";
    assert_eq!(server.write(force, json!({"sync": false})).await.status, 202);
    assert!(!server.lives(&orphan).await);
}

#[tokio::test]
async fn no_lease_is_irrevocable() {
    let server = Server::new().await;
    let asked = |kind: &str| json!({"type": kind});
    for path in ["sys/leases", "sys/leases/count"] {
        let got = server.send(Verb::Read, path, &server.root, asked("irrevocable")).await.ok();
        assert_eq!(got["data"]["lease_count"], 0, "{path}");
        assert_eq!(server.send(Verb::Read, path, &server.root, asked("other")).await.status, 404, "{path}");
    }
    let tidied = server.write("sys/leases/tidy", json!({})).await;
    assert_eq!(tidied.status, 202);
    assert_eq!(tidied.body["warnings"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_an_orphaned_token_made_stays() {
    let server = Server::new().await;
    server.policy("half", "path \"auth/token/revoke-orphan\" { capabilities = [\"update\"] }").await;
    let (half, _) = server.token(json!({"policies": ["half"]})).await;
    let (parent, _) = server.token(json!({"policies": ["root"], "ttl": "1h"})).await;
    let made = server.send(Verb::Write, "auth/token/create", &parent, json!({"policies": ["default"]})).await.ok();
    let child = made["auth"]["client_token"].as_str().unwrap().to_owned();
    let asked = json!({"token": parent});
    server.send(Verb::Write, "auth/token/revoke-orphan", &half, asked.clone()).await.refused(400, "sudo");
    server.write("auth/token/revoke-orphan", asked.clone()).await.ok();
    assert!(!server.lives(&parent).await);
    assert!(server.lives(&child).await);
    let shown = server.write("auth/token/lookup", json!({"token": child})).await.ok();
    assert_eq!(shown["data"]["orphan"], true);
    server.write("auth/token/revoke-orphan", asked).await.refused(400, "not found");
}

#[tokio::test]
async fn what_an_orphaned_token_made_stays_however_much_it_is() {
    let server = Server::new().await;
    let (parent, _) = server.token(json!({"policies": ["root"], "ttl": "1h"})).await;
    let mut children = Vec::new();
    for _ in 0..600 {
        let made = server.send(Verb::Write, "auth/token/create", &parent, json!({"policies": ["default"]})).await.ok();
        children.push(made["auth"]["client_token"].as_str().unwrap().to_owned());
    }
    server.write("auth/token/revoke-orphan", json!({"token": parent})).await.ok();
    assert!(!server.lives(&parent).await);
    for child in &children {
        assert!(server.lives(child).await);
    }
}

#[tokio::test]
async fn a_root_token_that_ends_makes_none_that_does_not() {
    let server = Server::new().await;
    let (ends, _) = server.token(json!({"ttl": "1h"})).await;
    server.send(Verb::Write, "auth/token/create", &ends, json!({})).await.refused(400, "expiring root");
    server.send(Verb::Write, "auth/token/create", &ends, json!({"ttl": "5m"})).await.ok();
    server.send(Verb::Write, "auth/token/create", &ends, json!({"policies": ["default"]})).await.ok();
}

#[tokio::test]
async fn the_token_mounts_limits_hold_for_new_tokens() {
    let server = Server::new().await;
    server.write("sys/auth/token/tune", json!({"default_lease_ttl": "15m", "max_lease_ttl": "20m"})).await.ok();
    let made = server.write("auth/token/create", json!({"policies": ["default"]})).await.ok();
    assert_eq!(made["auth"]["lease_duration"], 900);
    let made = server.write("auth/token/create", json!({"policies": ["default"], "ttl": "1h"})).await.ok();
    assert_eq!(made["auth"]["lease_duration"], 1200);
}
