//! What is refused, what is bounded, and what outlives what it was made for.

use super::*;

const TOKEN: &str = "identity/oidc/provider/default/token";

#[tokio::test]
async fn a_public_client_gets_no_token_for_itself() {
    let server = with_scope().await;
    let client = server.client(json!({ "client_type": "public", "client_credentials": true })).await;
    let asked = json!({ "grant_type": "client_credentials", "client_id": client.id, "scope": "openid" });
    refused(&server.send(Verb::Write, TOKEN, "", asked).await, 400, "invalid_grant");
}

#[tokio::test]
async fn who_asks_says_so_once() {
    let server = with_scope().await;
    let (ann, client) = (server.person("ann").await, server.client(json!({})).await);
    let basic = || Authorization { bearer: false, basic: Some((client.id.clone(), client.secret.clone())) };
    let asked = |id: &str, code: &str| json!({ "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "client_id": id });
    let code = server.code(&ann, &client, json!({})).await;
    refused(&server.send_by(Verb::Write, TOKEN, "", asked("other", &code), basic()).await, 400, "invalid_request");
    server.send_by(Verb::Write, TOKEN, "", asked(&client.id, &code), basic()).await.ok();
    let dropped = json!({ "code_challenge_method": "S256" });
    refused(&server.authorize(&ann, &client, dropped).await, 400, "invalid_request");
}

#[tokio::test]
async fn a_child_has_logged_in_when_its_parent_did_and_nobody_else_has() {
    let server = with_scope().await;
    let (ann, client) = (server.person("ann").await, server.client(json!({})).await);
    server.policy("oidc", "path \"auth/token/*\" { capabilities = [\"update\", \"sudo\"] }").await;
    server.alone.advance(Duration::from_secs(100));
    let child = server.send(Verb::Write, "auth/token/create", &ann.token, json!({})).await.ok();
    let child = Person { id: ann.id.clone(), token: child["auth"]["client_token"].as_str().unwrap().to_owned() };
    for person in [&ann, &child] {
        let got = server.authorize(person, &client, json!({ "max_age": 99 })).await;
        refused(&got, 400, "max_age_violation");
        let code = server.code(person, &client, json!({ "max_age": 100 })).await;
        let given = server.redeem(&client, &code, json!({})).await.ok();
        let (_, claims) = opened(&given["id_token"]);
        assert_eq!(claims["auth_time"], json!(server.alone.now().0 / 1000 - 100));
    }
    // By an alias that a role lets it name: that is no login.
    server.write("auth/token/roles/r", json!({ "allowed_entity_aliases": "*" })).await.ok();
    let made =
        server.write("auth/token/create/r", json!({ "entity_alias": "bob", "policies": ["default"] })).await.ok();
    let text = |name: &str| made["auth"][name].as_str().unwrap().to_owned();
    let bob = Person { id: text("entity_id"), token: text("client_token") };
    refused(&server.authorize(&bob, &client, json!({ "max_age": 9999 })).await, 400, "max_age_violation");
    server.code(&bob, &client, json!({})).await;
}

#[tokio::test]
async fn a_token_is_verified_for_its_time_also_when_what_it_was_made_by_is_gone() {
    let server = with_scope().await;
    server.write("identity/oidc/key/k", json!({ "algorithm": "ES256", "verification_ttl": "1h" })).await.ok();
    server.write("identity/oidc/role/r", json!({ "key": "k", "ttl": "30m" })).await.ok();
    server.client(json!({ "key": "k", "id_token_ttl": "30m" })).await;
    let (of_roles, of_provider) = ("identity/oidc/.well-known/keys", "identity/oidc/provider/default/.well-known/keys");
    let shown = async || (server.kids(of_roles).await.len(), server.kids(of_provider).await.len());
    assert_eq!(shown().await, (2, 2));
    server.write("identity/oidc/role/r", json!({ "key": "default", "ttl": "30m" })).await.ok();
    server.delete("identity/oidc/client/app").await.ok();
    assert_eq!(shown().await, (4, 2), "what it has signed is verified still");
    server.alone.advance(Duration::from_secs(3600));
    assert_eq!(shown().await, (2, 0));
    // A client that a provider has let go of.
    let client = server.client(json!({ "key": "default", "id_token_ttl": "30m" })).await;
    server.write("identity/oidc/provider/p", json!({ "allowed_client_ids": client.id })).await.ok();
    server.write("identity/oidc/provider/p", json!({ "allowed_client_ids": [] })).await.ok();
    let of_p = "identity/oidc/provider/p/.well-known/keys";
    assert_eq!(server.kids(of_p).await.len(), 2);
}

#[tokio::test]
async fn times_and_addresses_have_bounds() {
    let server = with_scope().await;
    let ann = server.person("ann").await;
    let client = server.client(json!({ "access_token_ttl": "87600h" })).await;
    let code = server.code(&ann, &client, json!({})).await;
    let given = server.redeem(&client, &code, json!({})).await.ok();
    assert_eq!(given["expires_in"], json!(7200), "as long as any token of the mount");
    let long = json!({ "verification_ttl": "241h" });
    server.write("identity/oidc/key/default/rotate", long).await.refused(400, "10x");
    for bad in ["javascript:alert(1)", "https://app/cb#x"] {
        let asked = json!({ "redirect_uris": [bad] });
        server.write("identity/oidc/client/app", asked).await.refused(400, "redirect URI");
    }
}

#[tokio::test]
async fn what_names_an_issuer_that_was_not_set_is_not_kept() {
    let server = with_scope().await;
    for (path, of) in [("identity/oidc", "config"), ("identity/oidc/provider/default", "provider/default")] {
        let read = async || {
            let path = format!("{path}/.well-known/openid-configuration");
            server.send(Verb::Read, &path, "", Value::Null).await.headers["cache-control"].clone()
        };
        assert_eq!(read().await, "no-cache");
        server.write(&format!("identity/oidc/{of}"), json!({ "issuer": "https://a" })).await.ok();
        assert_eq!(read().await, "max-age=3600");
    }
}
