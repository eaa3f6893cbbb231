//! `auth/token/roles`, and tokens that are made against a role.

use sdk::{Value, Verb, json};

use super::Server;

#[tokio::test]
async fn a_role_is_kept_changed_in_part_and_deleted() {
    let server = Server::new().await;
    assert_eq!(server.list("auth/token/roles").await.status, 404);
    assert_eq!(server.read("auth/token/roles/r").await.status, 404);
    let all = json!({
        "allowed_policies": ["a", "B", "default"], "disallowed_policies": "x,y", "allowed_policies_glob": "dev-*,qa-*",
        "orphan": true, "renewable": false, "path_suffix": "rev1", "token_period": "1h", "token_num_uses": 3,
        "token_bound_cidrs": "10.0.0.0/8,127.0.0.1", "token_type": "service", "allowed_entity_aliases": ["Web*", "bob"],
    });
    server.write("auth/token/roles/r", all).await.ok();
    server.write("auth/token/roles/r", json!({"path_suffix": "rev-2"})).await.ok();
    let data = server.read("auth/token/roles/r").await.ok()["data"].clone();
    for (name, value) in [
        ("allowed_policies", json!(["a", "b", "default"])),
        ("disallowed_policies", json!(["x", "y"])),
        ("allowed_policies_glob", json!(["dev-*", "qa-*"])),
        ("allowed_entity_aliases", json!(["bob", "web*"])),
        ("token_bound_cidrs", json!(["10.0.0.0/8", "127.0.0.1"])),
        ("path_suffix", json!("rev-2")),
        ("token_period", json!(3600)),
        ("period", json!(0)),
        ("token_num_uses", json!(3)),
        ("orphan", json!(true)),
        ("renewable", json!(false)),
    ] {
        assert_eq!(data[name], value, "{name}");
    }
    let old = json!({"period": "2h", "token_bound_cidrs": [], "token_num_uses": 0});
    server.write("auth/token/roles/r", old).await.ok();
    let data = server.read("auth/token/roles/r").await.ok()["data"].clone();
    assert_eq!((&data["period"], &data["token_period"]), (&json!(7200), &json!(7200)));
    assert!(data.get("token_bound_cidrs").is_none() && data.get("token_num_uses").is_none());
    let both = server.write("auth/token/roles/r", json!({"period": "3h", "token_period": "4h"})).await.ok();
    assert!(both["warnings"][0].as_str().unwrap().contains("period"));
    assert_eq!(server.read("auth/token/roles/r").await.ok()["data"]["token_period"], 14400);
    assert_eq!(server.list("auth/token/roles").await.ok()["data"]["keys"], json!(["r"]));
    for _ in 0..2 {
        assert_eq!(server.delete("auth/token/roles/r").await.status, 204);
    }
    assert_eq!(server.read("auth/token/roles/r").await.status, 404);
    server.write("auth/token/create/r", json!({})).await.refused(400, "unknown role");
}

#[tokio::test]
async fn what_a_role_cannot_be_is_told() {
    let server = Server::new().await;
    for (body, naming) in [
        (json!({"token_type": "batch"}), "non-orphan"),
        (json!({"token_type": "batch", "orphan": true}), "renewable"),
        (json!({"token_type": "batch", "orphan": true, "renewable": false, "token_period": "1h"}), "periodic"),
        (json!({"token_type": "gold"}), "gold"),
        (json!({"token_type": null}), "token_type"),
        (json!({"path_suffix": "v1"}), "path_suffix"),
        (json!({"path_suffix": "ab..cd"}), "path_suffix"),
        (json!({"path_suffix": "a/b"}), "path_suffix"),
        (json!({"token_bound_cidrs": "300.1.1.1"}), "300.1.1.1"),
        (json!({"bound_cidrs": "nope"}), "nope"),
        (json!({"token_period": "-1h"}), "token_period"),
        (json!({"token_num_uses": -1}), "token_num_uses"),
        (json!({"orphan": "perhaps"}), "orphan"),
    ] {
        server.write("auth/token/roles/e", body).await.refused(400, naming);
    }
    assert_eq!(server.read("auth/token/roles/e").await.status, 404);
    let batch = json!({"token_type": "batch", "orphan": true, "renewable": false});
    server.write("auth/token/roles/e", batch).await.ok();
}

/// What a token against a role gets, or how it is refused.
async fn made(server: &Server, token: &str, role: &str, asked: Value) -> Result<Value, String> {
    let got = server.send(Verb::Write, &format!("auth/token/create/{role}"), token, asked).await;
    if got.status == 200 { Ok(got.body["auth"].clone()) } else { Err(format!("{} {}", got.status, got.error())) }
}

#[tokio::test]
async fn a_role_says_which_policies_there_are() {
    let server = Server::new().await;
    for (role, body) in [
        ("allow", json!({"allowed_policies": ["a", "b"]})),
        ("glob", json!({"allowed_policies_glob": ["dev-*"]})),
        ("dis", json!({"disallowed_policies": ["default", "secret"], "disallowed_policies_glob": ["x*"]})),
        ("nodef", json!({"allowed_policies": ["a"], "token_no_default_policy": true})),
        ("plain", json!({"token_no_default_policy": true})),
        ("root", json!({"allowed_policies": ["root"]})),
    ] {
        server.write(&format!("auth/token/roles/{role}"), body).await.ok();
    }
    for (role, asked, gets) in [
        ("allow", json!({}), Some(json!(["a", "b", "default"]))),
        ("allow", json!({"policies": ["a"]}), Some(json!(["a", "default"]))),
        ("allow", json!({"policies": ["a", "c"]}), None),
        ("allow", json!({"policies": ["a"], "no_default_policy": true}), Some(json!(["a"]))),
        ("glob", json!({"policies": ["dev-1"]}), Some(json!(["default", "dev-1"]))),
        ("glob", json!({"policies": ["prod-1"]}), None),
        ("glob", json!({}), Some(json!(["default"]))),
        ("dis", json!({"policies": ["ok"]}), Some(json!(["ok"]))),
        ("dis", json!({"policies": ["secret"]}), None),
        ("dis", json!({"policies": ["xyz"]}), None),
        ("dis", json!({"policies": ["default", "ok"]}), None),
        ("nodef", json!({}), Some(json!(["a"]))),
        ("plain", json!({"policies": ["a"]}), Some(json!(["a", "default"]))),
        ("root", json!({}), Some(json!(["root"]))),
    ] {
        let got = made(&server, &server.root, role, asked.clone()).await.ok().map(|auth| auth["policies"].clone());
        assert_eq!(got, gets, "{role} {asked}");
    }
}

/// Whoever may use a role's path gets what the role says, and no more.
#[tokio::test]
async fn a_limited_maker_gets_from_a_role_what_the_role_gives() {
    let server = Server::new().await;
    let path = "path \"auth/token/create/+\" { capabilities = [\"update\"] }";
    server.policy("maker", path).await;
    let (maker, _) = server.token(json!({"policies": ["maker"]})).await;
    for (role, body) in [
        ("allow", json!({"allowed_policies": ["a"], "orphan": true, "token_period": "1h"})),
        ("dis", json!({"disallowed_policies": ["secret"]})),
        ("root", json!({"allowed_policies": ["root"]})),
    ] {
        server.write(&format!("auth/token/roles/{role}"), body).await.ok();
    }
    let auth = made(&server, &maker, "allow", json!({})).await.unwrap();
    assert_eq!((&auth["policies"], &auth["orphan"]), (&json!(["a", "default"]), &json!(true)));
    for (role, asked, naming) in [
        ("root", json!({}), "root"),
        ("dis", json!({"policies": ["other"]}), "subset"),
        ("allow", json!({"id": "chosen"}), "sudo"),
        ("allow", json!({"period": "30m"}), "sudo"),
        ("allow", json!({"entity_alias": "bob"}), "entity_alias"),
    ] {
        let refused = made(&server, &maker, role, asked.clone()).await.unwrap_err();
        assert!(refused.starts_with("400") && refused.contains(naming), "{role} {asked}: {refused}");
    }
    let by_body = json!({"role_name": "allow"});
    assert_eq!(server.send(Verb::Write, "auth/token/create", &maker, by_body.clone()).await.status, 403);
    let plain = server.write("auth/token/create", by_body).await.ok();
    assert_eq!(plain["auth"]["orphan"], false, "a role is named by the path alone");
}

#[tokio::test]
async fn the_lesser_limit_counts() {
    let server = Server::new().await;
    let body = json!({"path_suffix": "rev1", "token_period": "1h", "token_num_uses": 5, "orphan": true});
    server.write("auth/token/roles/r", body).await.ok();
    server.write("auth/token/roles/e", json!({"token_explicit_max_ttl": "1h", "renewable": false})).await.ok();
    let auth = made(&server, &server.root, "r", json!({"policies": ["default"]})).await.unwrap();
    assert_eq!((&auth["lease_duration"], &auth["num_uses"]), (&json!(3600), &json!(5)));
    let token = json!({"token": auth["client_token"]});
    let shown = server.write("auth/token/lookup", token).await.ok()["data"].clone();
    assert_eq!((&shown["role"], &shown["path"]), (&json!("r"), &json!("auth/token/create/r/rev1")));
    let lesser = json!({"policies": ["default"], "period": "30m", "num_uses": 2});
    let auth = made(&server, &server.root, "r", lesser).await.unwrap();
    assert_eq!((&auth["lease_duration"], &auth["num_uses"]), (&json!(1800), &json!(2)));
    let more = json!({"policies": ["default"], "period": "3h", "num_uses": 20});
    let auth = made(&server, &server.root, "r", more).await.unwrap();
    assert_eq!((&auth["lease_duration"], &auth["num_uses"]), (&json!(3600), &json!(5)));
    let auth = made(&server, &server.root, "e", json!({"policies": ["default"], "ttl": "2h"})).await.unwrap();
    assert_eq!((&auth["lease_duration"], &auth["renewable"]), (&json!(3600), &json!(false)));
    assert_eq!(server.write("sys/leases/revoke-prefix/auth/token/create/r/rev1", json!({})).await.status, 204);
    let gone = json!({"token": shown["id"]});
    assert_eq!(server.write("auth/token/lookup", gone).await.status, 403, "revoked by its role's suffix");
}

#[tokio::test]
async fn a_role_decides_on_the_type() {
    let server = Server::new().await;
    let batch = json!({"token_type": "batch", "orphan": true, "renewable": false});
    server.write("auth/token/roles/batch", batch).await.ok();
    server.write("auth/token/roles/rather", json!({"token_type": "default-batch", "orphan": true})).await.ok();
    server.write("auth/token/roles/service", json!({"token_type": "service"})).await.ok();
    for (role, asked, kind) in [
        ("batch", "service", "batch"),
        ("rather", "", "batch"),
        ("rather", "service", "service"),
        ("service", "batch", "service"),
    ] {
        let asked = json!({"policies": ["default"], "type": asked, "ttl": "10m"});
        let auth = made(&server, &server.root, role, asked.clone()).await.unwrap();
        assert_eq!(auth["token_type"], kind, "{role} {asked}");
    }
}

#[tokio::test]
async fn a_role_is_asked_anew_at_each_renewal() {
    let server = Server::new().await;
    let role = "auth/token/roles/r";
    server.write(role, json!({"token_period": "1h", "token_explicit_max_ttl": "2h"})).await.ok();
    let auth = made(&server, &server.root, "r", json!({"policies": ["default"]})).await.unwrap();
    let token = json!({"token": auth["client_token"]});
    let shown = server.write("auth/token/lookup", token.clone()).await.ok()["data"].clone();
    assert_eq!((&shown["explicit_max_ttl"], shown.get("period")), (&json!(0), None), "they are the role's");
    server.write(role, json!({"token_period": "30m"})).await.ok();
    assert_eq!(server.write("auth/token/renew", token.clone()).await.ok()["auth"]["lease_duration"], 1800);
    server.write(role, json!({"token_explicit_max_ttl": "10m"})).await.ok();
    assert_eq!(server.write("auth/token/renew", token.clone()).await.ok()["auth"]["lease_duration"], 600);
    server.delete(role).await.ok();
    server.write("auth/token/renew", token).await.refused(400, "could not be found");
}
