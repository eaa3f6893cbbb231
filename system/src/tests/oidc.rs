//! Identity tokens and the provider: who logs in to what, and what a client learns of them.

use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use holdfast_core::change::change_by;
use holdfast_core::identity::{self, EntityChange, GroupChange, WhichGroup};
use holdfast_core::replication::Replication;
use holdfast_core::token::NewToken;
use holdfast_core::{space, worker};
use sdk::{Authorization, Failure, NamespaceId, Value, Verb, json};
use storage::{Term, Txn};
use tokio::sync::watch;
use tokio::time::Instant;

use super::Server;
use super::server::Got;

mod bounds;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const CALLBACK: &str = "https://app/cb";

/// An entity, and a token of it.
struct Person {
    id: String,
    token: String,
}

/// A client of the default provider.
struct Client {
    id: String,
    secret: String,
}

impl Server {
    async fn change<T>(&self, change: impl FnOnce(&mut Txn) -> Result<T, Failure>) -> T {
        let mut made = None;
        let done = change_by(self.node(), self.alone.now(), Term(1), |state| -> Result<(), Failure> {
            made = Some(change(&mut state.at(space::records(&NamespaceId::root())))?);
            Ok(())
        });
        done.await.unwrap();
        made.unwrap()
    }

    async fn person(&self, name: &str) -> Person {
        let now = self.alone.now();
        let named = EntityChange { name: Some(name.into()), ..EntityChange::default() };
        let entity = self.change(|txn| identity::write_entity(txn, now, named)).await.unwrap();
        let new = NewToken {
            policies: vec!["default".into(), "oidc".into()],
            ttl: Duration::from_secs(3600),
            entity_id: entity.id.clone(),
            logged_in: Some(now),
            ..NewToken::default()
        };
        self.policy("oidc", "path \"identity/oidc/token/*\" { capabilities = [\"read\"] }").await;
        let made = self.change(|txn| self.node().tokens.create(txn, now, new).map_err(Failure::internal)).await;
        Person { id: entity.id, token: made.token.expose().to_owned() }
    }

    async fn disabled(&self, person: &Person, disabled: bool) {
        let change = EntityChange { id: Some(person.id.clone()), disabled: Some(disabled), ..EntityChange::default() };
        self.change(|txn| identity::write_entity(txn, self.alone.now(), change)).await;
    }

    /// A client called `app`, unless `more` says something else of it.
    async fn client(&self, more: Value) -> Client {
        let mut asked = json!({ "redirect_uris": [CALLBACK], "assignments": ["allow_all"] });
        asked.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        self.write("identity/oidc/client/app", asked).await.ok();
        let read = self.read("identity/oidc/client/app").await.ok();
        let text = |name: &str| read["data"][name].as_str().unwrap_or_default().to_owned();
        Client { id: text("client_id"), secret: text("client_secret") }
    }

    async fn authorize(&self, person: &Person, client: &Client, more: Value) -> Got {
        let mut asked = json!({
            "client_id": client.id, "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid who", "state": "s",
        });
        asked.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        self.send(Verb::Write, "identity/oidc/provider/default/authorize", &person.token, asked).await
    }

    async fn code(&self, person: &Person, client: &Client, more: Value) -> String {
        self.authorize(person, client, more).await.ok()["code"].as_str().unwrap().to_owned()
    }

    async fn redeem(&self, client: &Client, code: &str, more: Value) -> Got {
        let mut asked = json!({
            "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "client_id": client.id,
            "client_secret": client.secret,
        });
        asked.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        self.send(Verb::Write, "identity/oidc/provider/default/token", "", asked).await
    }

    async fn userinfo(&self, access_token: &str, bearer: bool) -> Got {
        let said = Authorization { bearer, basic: None };
        self.send_by(Verb::Read, "identity/oidc/provider/default/userinfo", access_token, Value::Null, said).await
    }

    async fn kids(&self, path: &str) -> Vec<String> {
        let keys = self.send(Verb::Read, path, "", Value::Null).await.ok();
        keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    /// Whether the worker comes to do it, by itself.
    async fn comes_to(&self, done: impl AsyncFn() -> bool) -> bool {
        let (_go_on, stop) = watch::channel(false);
        let working = tokio::spawn(worker::run(self.node().clone(), stop));
        let end = Instant::now() + Duration::from_secs(20);
        while !done().await && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        working.abort();
        done().await
    }
}

#[track_caller]
fn refused(got: &Got, status: u16, error: &str) {
    assert_eq!((got.status, got.body["error"].as_str()), (status, Some(error)), "{}", got.body);
}

/// Header and claims.
fn opened(token: &Value) -> (Value, Value) {
    let parts: Vec<&str> = token.as_str().unwrap().split('.').collect();
    let part = |part: &str| serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    (part(parts[0]), part(parts[1]))
}

async fn with_scope() -> Server {
    let server = Server::new().await;
    let template = "{\"who\": {{identity.entity.name}}, \"groups\": {{identity.entity.groups.names}}}";
    server.write("identity/oidc/scope/who", json!({ "template": template })).await.ok();
    server.write("identity/oidc/provider/default", json!({ "scopes_supported": "who" })).await.ok();
    // RSA takes long to make.
    server.write("identity/oidc/key/default", json!({ "algorithm": "ES256" })).await.ok();
    server
}

#[tokio::test]
async fn an_identity_token_says_who_and_is_verified_by_the_keys_that_are_shown() {
    let server = Server::new().await;
    let ann = server.person("ann").await;
    let keys = "identity/oidc/.well-known/keys";
    for algorithm in ["RS256", "ES512", "EdDSA"] {
        let asked = json!({ "algorithm": algorithm, "allowed_client_ids": "*" });
        server.write("identity/oidc/key/k", asked).await.ok();
        let template = "{\"name\": {{identity.entity.name}}}";
        server.write("identity/oidc/role/r", json!({ "key": "k", "ttl": "10m", "template": template })).await.ok();
        let given =
            server.send(Verb::Read, "identity/oidc/token/r", &ann.token, Value::Null).await.ok()["data"].clone();
        let (head, claims) = opened(&given["token"]);
        let now = server.alone.now().0 / 1000;
        let want = json!({
            "iss": "http://127.0.0.1:0/v1/identity/oidc", "namespace": "root", "sub": ann.id, "name": "ann",
            "aud": given["client_id"], "iat": now, "exp": now + 600,
        });
        assert_eq!((&claims, head["alg"].as_str()), (&want, Some(algorithm)));
        assert!(server.kids(keys).await.contains(&head["kid"].as_str().unwrap().to_owned()));
        let looked = async |more: Value| {
            let mut asked = json!({ "token": given["token"] });
            asked.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
            server.write("identity/oidc/introspect", asked).await.ok()["active"] == true
        };
        assert!(looked(json!({})).await && looked(json!({ "client_id": given["client_id"] })).await);
        assert!(!looked(json!({ "client_id": "other" })).await);
        server.disabled(&ann, true).await;
        assert!(!looked(json!({})).await);
        server.disabled(&ann, false).await;
    }
    server.alone.advance(Duration::from_secs(601));
    let got = server.send(Verb::Read, "identity/oidc/token/r", &server.root, Value::Null).await;
    got.refused(400, "no entity");
}

#[tokio::test]
async fn a_code_is_redeemed_once_for_who_logged_in() {
    let server = with_scope().await;
    let ann = server.person("ann").await;
    let client = server.client(json!({ "id_token_ttl": "10m", "access_token_ttl": "20m" })).await;
    let code = server.code(&ann, &client, json!({ "nonce": "n", "max_age": 60 })).await;
    let said = Authorization { bearer: false, basic: Some((client.id.clone(), client.secret.clone())) };
    let asked = json!({ "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK });
    let path = "identity/oidc/provider/default/token";
    let got = server.send_by(Verb::Write, path, "", asked, said).await;
    assert_eq!(got.headers.get("cache-control").map(String::as_str), Some("no-store"));
    let tokens = got.ok();
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(1200)));
    let (head, claims) = opened(&tokens["id_token"]);
    let now = server.alone.now().0 / 1000;
    for (claim, value) in [
        ("iss", json!("http://127.0.0.1:0/v1/identity/oidc/provider/default")),
        ("sub", json!(ann.id)),
        ("aud", json!(client.id)),
        ("nonce", json!("n")),
        ("auth_time", json!(now)),
        ("iat", json!(now)),
        ("exp", json!(now + 600)),
        ("who", json!("ann")),
        ("groups", Value::Null),
    ] {
        assert_eq!(claims[claim], value, "{claim}");
    }
    let hash = |text: &str| json!(BASE64_URL_SAFE_NO_PAD.encode(&crypto::sha256(text.as_bytes())[..16]));
    assert_eq!(
        (&claims["at_hash"], &claims["c_hash"]),
        (&hash(tokens["access_token"].as_str().unwrap()), &hash(&code))
    );
    let kids = server.kids("identity/oidc/provider/default/.well-known/keys").await;
    assert!(kids.len() == 2 && kids.contains(&head["kid"].as_str().unwrap().to_owned()));
    refused(&server.redeem(&client, &code, json!({})).await, 400, "invalid_grant");
    assert!(!opened(&tokens["id_token"]).1.as_object().unwrap().contains_key("state"));
}

#[tokio::test]
async fn an_access_token_reads_the_claims_and_does_nothing_else() {
    let server = with_scope().await;
    let ann = server.person("ann").await;
    let client = server.client(json!({ "access_token_ttl": "20m" })).await;
    let tokens = server.redeem(&client, &server.code(&ann, &client, json!({})).await, json!({})).await.ok();
    let access = tokens["access_token"].as_str().unwrap();
    let told = server.userinfo(access, true).await.ok();
    assert_eq!(told, json!({ "sub": ann.id, "who": "ann", "groups": null }));
    refused(&server.userinfo(access, false).await, 401, "invalid_token");
    refused(&server.userinfo(&server.root, true).await, 401, "invalid_token");
    for path in [
        "auth/token/lookup-self",
        "sys/internal/ui/resultant-acl",
        "identity/oidc/token/r",
        "identity/oidc/provider/default/authorize",
        "identity/oidc/client/app",
    ] {
        assert_eq!(server.send(Verb::Read, path, access, Value::Null).await.status, 403, "{path}");
    }
    let other = server.send(Verb::Read, "identity/oidc/provider/other/userinfo", access, Value::Null).await;
    refused(&other, 401, "invalid_token");
    let id_token = tokens["id_token"].as_str().unwrap();
    for no_access_token in [ann.token.as_str(), id_token, "b.nonono", "s.nonono", ""] {
        let got = server.userinfo(no_access_token, true).await;
        let told = got.headers.get("www-authenticate").cloned().unwrap_or_default();
        assert!(told.starts_with("Bearer error=\"invalid_token\""), "{no_access_token:?}: {told:?}");
        refused(&got, 401, "invalid_token");
    }
    server.write("identity/oidc/client/app", json!({ "assignments": [] })).await.ok();
    refused(&server.userinfo(access, true).await, 403, "access_denied");
    server.write("identity/oidc/client/app", json!({ "assignments": "allow_all" })).await.ok();
    server.alone.advance(Duration::from_secs(1201));
    refused(&server.userinfo(access, true).await, 401, "invalid_token");
}

#[tokio::test]
async fn a_code_is_bound_to_all_that_it_was_given_for() {
    let server = with_scope().await;
    let ann = server.person("ann").await;
    let client = server.client(json!({})).await;
    server
        .write("identity/oidc/client/other", json!({ "redirect_uris": CALLBACK, "assignments": "allow_all" }))
        .await
        .ok();
    server.write("identity/oidc/provider/p", json!({ "allowed_client_ids": "*" })).await.ok();
    let read = server.read("identity/oidc/client/other").await.ok()["data"].clone();
    let text = |name: &str| read[name].as_str().unwrap().to_owned();
    let other = Client { id: text("client_id"), secret: text("client_secret") };
    let challenge = json!({ "code_challenge": CHALLENGE, "code_challenge_method": "S256" });
    for (asked, gives, error) in [
        (json!({}), json!({ "redirect_uri": "https://app/cb2" }), "invalid_grant"),
        (json!({}), json!({ "redirect_uri": "" }), "invalid_request"),
        (json!({}), json!({ "code_verifier": VERIFIER }), "invalid_request"),
        (challenge.clone(), json!({}), "invalid_request"),
        (challenge.clone(), json!({ "code_verifier": format!("{VERIFIER}x") }), "invalid_grant"),
        (challenge.clone(), json!({ "code_verifier": CHALLENGE }), "invalid_grant"),
    ] {
        let code = server.code(&ann, &client, asked).await;
        refused(&server.redeem(&client, &code, gives.clone()).await, 400, error);
        // Nobody tries twice.
        refused(&server.redeem(&client, &code, json!({ "code_verifier": VERIFIER })).await, 400, "invalid_grant");
    }
    let code = server.code(&ann, &client, json!({})).await;
    refused(&server.redeem(&other, &code, json!({})).await, 400, "invalid_grant");
    let code = server.code(&ann, &client, json!({})).await;
    let wrong = Client { id: client.id.clone(), secret: format!("{}x", client.secret) };
    let got = server.redeem(&wrong, &code, json!({})).await;
    refused(&got, 401, "invalid_client");
    assert_eq!(got.headers.get("www-authenticate").map(String::as_str), Some("Basic"));
    let asked = json!({
        "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "client_id": client.id,
        "client_secret": client.secret,
    });
    let got = server.send(Verb::Write, "identity/oidc/provider/p/token", "", asked).await;
    refused(&got, 400, "invalid_grant");
    let code = server.code(&ann, &client, challenge).await;
    server.redeem(&client, &code, json!({ "code_verifier": VERIFIER })).await.ok();
}

#[tokio::test]
async fn what_was_taken_away_since_does_not_log_in() {
    let server = with_scope().await;
    let ann = server.person("ann").await;
    let now = server.alone.now();
    let group = |members: Vec<String>| GroupChange { member_entity_ids: Some(members), ..GroupChange::default() };
    let named = WhichGroup::Name("ops".into());
    let made = server.change(|txn| identity::write_group(txn, now, named, group(vec![ann.id.clone()]))).await.unwrap();
    server.write("identity/oidc/assignment/ops", json!({ "group_ids": made.id.to_uppercase() })).await.ok();
    let client = server.client(json!({ "assignments": "ops" })).await;
    let nobody = server.person("bob").await;
    refused(&server.authorize(&nobody, &client, json!({})).await, 400, "access_denied");

    let code = server.code(&ann, &client, json!({})).await;
    let (_, claims) = opened(&server.redeem(&client, &code, json!({})).await.ok()["id_token"]);
    assert_eq!(claims["groups"], json!(["ops"]));
    let code = server.code(&ann, &client, json!({})).await;
    let named = WhichGroup::Name("ops".into());
    server.change(|txn| identity::write_group(txn, now, named, group(vec![]))).await;
    refused(&server.redeem(&client, &code, json!({})).await, 400, "invalid_request");

    let client = server.client(json!({ "assignments": "allow_all" })).await;
    let code = server.code(&ann, &client, json!({})).await;
    server.disabled(&ann, true).await;
    refused(&server.redeem(&client, &code, json!({})).await, 400, "invalid_request");
    server.disabled(&ann, false).await;
    let code = server.code(&ann, &client, json!({})).await;
    server.delete("identity/oidc/client/app").await.ok();
    refused(&server.redeem(&client, &code, json!({})).await, 401, "invalid_client");
}

#[tokio::test]
async fn a_code_is_forgotten_when_its_time_is_up() {
    let server = with_scope().await;
    let ann = server.person("ann").await;
    let client = server.client(json!({})).await;
    let code = server.code(&ann, &client, json!({})).await;
    server.code(&ann, &client, json!({})).await;
    server.alone.advance(oidc::CODE_TTL);
    refused(&server.redeem(&client, &code, json!({})).await, 400, "invalid_grant");
    server.alone.advance(Duration::from_secs(60));
    let codes = sdk::Key::kind("oidc").plain("code");
    let left = async || {
        let view = server.node().local_view().unwrap();
        sdk::Read::range(&view, &codes, None, 10).unwrap().len()
    };
    assert_eq!(left().await, 1);
    assert!(server.comes_to(async || left().await == 0).await);
}

#[tokio::test]
async fn a_key_rotates_by_itself_and_verifies_for_its_time() {
    let server = Server::new().await;
    let ann = server.person("ann").await;
    let asked =
        json!({ "algorithm": "ES256", "rotation_period": "10m", "verification_ttl": "15m", "allowed_client_ids": "*" });
    server.write("identity/oidc/key/k", asked).await.ok();
    server.write("identity/oidc/role/r", json!({ "key": "k", "ttl": "15m" })).await.ok();
    let keys = "identity/oidc/.well-known/keys";
    let token = async || {
        let given = server.send(Verb::Read, "identity/oidc/token/r", &ann.token, Value::Null).await.ok();
        given["data"]["token"].clone()
    };
    let kid = |token: &Value| opened(token).0["kid"].as_str().unwrap().to_owned();
    let first = token().await;
    let before = server.kids(keys).await;
    assert!(before.len() == 2 && before.contains(&kid(&first)), "{before:?}");
    server.alone.advance(Duration::from_secs(601));
    assert!(server.comes_to(async || server.kids(keys).await.len() == 3).await);
    let second = token().await;
    assert!(kid(&second) != kid(&first) && before.contains(&kid(&second)), "it was shown before it signed");
    let active = async |token: &Value| {
        server.write("identity/oidc/introspect", json!({ "token": token })).await.ok()["active"].clone()
    };
    assert_eq!((active(&first).await, active(&second).await), (json!(true), json!(true)), "its key verifies still");
    server.alone.advance(Duration::from_secs(601));
    assert!(server.comes_to(async || server.kids(keys).await.len() == 4).await);
    assert_eq!((active(&first).await, active(&second).await), (json!(false), json!(true)), "its time is up");
    server.alone.advance(Duration::from_secs(300));
    assert!(!server.kids(keys).await.contains(&kid(&first)), "fifteen minutes after it has signed for the last time");
}

#[tokio::test]
async fn rotating_by_hand_and_in_another_way() {
    let server = Server::new().await;
    let ann = server.person("ann").await;
    server.write("identity/oidc/role/r", json!({ "key": "default", "ttl": "10m" })).await.ok();
    let keys = "identity/oidc/.well-known/keys";
    let token = async || {
        let given = server.send(Verb::Read, "identity/oidc/token/r", &ann.token, Value::Null).await.ok();
        given["data"]["token"].clone()
    };
    let active = async |token: &Value| {
        server.write("identity/oidc/introspect", json!({ "token": token })).await.ok()["active"] == true
    };
    let first = token().await;
    server.write("identity/oidc/key/default/rotate", json!({})).await.ok();
    assert!(active(&first).await);
    assert_eq!(server.kids(keys).await.len(), 3);
    // What may have leaked counts no more.
    let second = token().await;
    server.write("identity/oidc/key/default/rotate", json!({ "verification_ttl": 0 })).await.ok();
    assert!(active(&first).await && !active(&second).await);
    let third = token().await;
    server.write("identity/oidc/key/default", json!({ "algorithm": "EdDSA" })).await.ok();
    assert!(active(&third).await, "what has signed verifies on");
    let fourth = token().await;
    assert!(active(&fourth).await && opened(&fourth).0["alg"] == "EdDSA");
    let shown = server.kids(keys).await;
    assert_eq!(shown.len(), 4, "two old ones that have signed, one that signs, and the next: {shown:?}");
}

#[tokio::test]
async fn nothing_goes_that_something_refers_to() {
    let server = with_scope().await;
    server.write("identity/oidc/key/k", json!({ "algorithm": "ES256" })).await.ok();
    server.write("identity/oidc/assignment/a", json!({})).await.ok();
    server.client(json!({ "key": "k", "assignments": "a" })).await;
    server.write("identity/oidc/role/r", json!({ "key": "k" })).await.ok();
    server.delete("identity/oidc/key/k").await.refused(400, "these roles: r");
    server.delete("identity/oidc/role/r").await.ok();
    server.delete("identity/oidc/key/k").await.refused(400, "these clients: app");
    server.delete("identity/oidc/assignment/a").await.refused(400, "these clients: app");
    server.delete("identity/oidc/scope/who").await.refused(400, "these providers: default");
    let shorter = json!({ "verification_ttl": "1h" });
    server.write("identity/oidc/key/k", shorter.clone()).await.refused(400, "clients with an id_token_ttl");
    server.write("identity/oidc/client/app", json!({ "assignments": "allow_all", "id_token_ttl": "1h" })).await.ok();
    server.write("identity/oidc/key/k", shorter).await.ok();
    server.delete("identity/oidc/assignment/a").await.ok();
    server.write("identity/oidc/provider/default", json!({ "scopes_supported": [] })).await.ok();
    server.delete("identity/oidc/scope/who").await.ok();
    server.delete("identity/oidc/client/app").await.ok();
    server.delete("identity/oidc/key/k").await.ok();
    for (path, status) in
        [("key/k", 404), ("key/default", 200), ("assignment/allow_all", 200), ("provider/default", 200)]
    {
        assert_eq!(server.read(&format!("identity/oidc/{path}")).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn what_is_asked_for_has_bounds() {
    let server = with_scope().await;
    let ann = server.person("ann").await;
    let client = server.client(json!({})).await;
    let long = "x".repeat(3000);
    for field in ["state", "nonce", "scope"] {
        let asked = json!({ field: if field == "scope" { format!("openid {long}") } else { long.clone() } });
        let got = server.authorize(&ann, &client, asked).await;
        refused(&got, 400, "invalid_request");
        assert!(got.body["state"].as_str().unwrap().len() < 10);
    }
    let uris: Vec<String> = (0..300).map(|n| format!("https://app/{n}")).collect();
    server.write("identity/oidc/client/app", json!({ "redirect_uris": uris })).await.refused(400, "at most 256");
    server.write("identity/oidc/client/app", json!({ "redirect_uris": [long] })).await.refused(400, "2048 bytes");
    let big = format!("{{\"a\": \"{}\"}}", "x".repeat(40_000));
    server.write("identity/oidc/scope/big", json!({ "template": big })).await.refused(400, "bytes");
    server.write("identity/oidc/key/default/rotate", json!({})).await.ok();
}

#[tokio::test]
async fn a_client_gets_a_token_for_itself_only_if_it_may() {
    let server = with_scope().await;
    server.write("identity/oidc/scope/fixed", json!({ "template": "{\"tier\": 1}" })).await.ok();
    server.write("identity/oidc/provider/default", json!({ "scopes_supported": "who,fixed" })).await.ok();
    let client = server.client(json!({ "client_credentials": true, "authorization_code": false })).await;
    let asked = json!({
        "grant_type": "client_credentials", "client_id": client.id, "client_secret": client.secret, "scope": "openid who fixed",
    });
    let path = "identity/oidc/provider/default/token";
    let given = server.send(Verb::Write, path, "", asked.clone()).await.ok();
    let (head, claims) = opened(&given["access_token"]);
    assert_eq!((&head["typ"], &claims["client_id"]), (&json!("at+jwt"), &json!(client.id)), "no ID token");
    assert_eq!((&claims["sub"], &claims["tier"], claims.get("who")), (&json!(client.id), &json!(1), None));
    assert!(given.get("id_token").is_none() && claims["jti"].is_string());
    let ann = server.person("ann").await;
    refused(&server.authorize(&ann, &client, json!({})).await, 400, "invalid_grant");
    server.write("identity/oidc/client/app", json!({ "client_credentials": false })).await.ok();
    refused(&server.send(Verb::Write, path, "", asked).await, 400, "invalid_grant");
}
