//! Logins with a second factor, as a client sees them. Whoever says a name at the method here is let in by it.

use std::time::Duration;

use holdfast_core::replication::Replication;
use sdk::{Value, Verb, json};
use totp::{Algorithm, Digits, Key, Moment, Secret, Url};

use super::Server;
use super::server::Got;

const NOBODY_ASKS: &str = "no second factor is asked for";

/// A namespace with a method, and a user who has a key for it.
struct Bound<'a> {
    server: &'a Server,
    namespace: &'static str,
    method: String,
    entity: String,
    key: Key,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

impl<'a> Bound<'a> {
    async fn new(server: &'a Server, namespace: &'static str) -> Self {
        server.write_in(namespace, "sys/auth/up", json!({"type": "userpass"})).await.ok();
        let login = server.log_in(namespace, "auth/up/login/ann", &[]).await.ok();
        let entity = text(&login["auth"]["entity_id"]);
        let asked = json!({"issuer": "acme", "method_name": "phone", "max_validation_attempts": 3});
        let made = server.write_in(namespace, "identity/mfa/method/totp", asked).await.ok();
        let method = text(&made["data"]["method_id"]);
        let asked = json!({"method_id": method, "entity_id": entity});
        let made = server.write_in(namespace, "identity/mfa/method/totp/admin-generate", asked).await.ok();
        let url = Url::parse(made["data"]["url"].as_str().unwrap()).unwrap();
        let key = Key {
            secret: Secret::parse(&url.secret).unwrap(),
            issuer: "acme".into(),
            account_name: url.account_name,
            period: 30,
            algorithm: Algorithm::Sha1,
            digits: Digits::Six,
            skew: 1,
        };
        Self { server, namespace, method, entity, key }
    }

    async fn bind(&self, more: Value) {
        let mut asked = more;
        asked["mfa_method_ids"] = json!([self.method]);
        self.server.write_in(self.namespace, "identity/mfa/login-enforcement/le", asked).await.ok();
    }

    fn code(&self, steps: i64) -> String {
        let step = Moment::of(self.server.alone.now(), 30).step;
        self.key.code(step.checked_add_signed(steps).unwrap()).unwrap()
    }

    async fn log_in(&self, mfa: &[(&str, &str)]) -> Got {
        self.server.log_in(self.namespace, "auth/up/login/ann", mfa).await
    }

    /// Begins a login: the id that it waits by.
    async fn begin(&self) -> String {
        text(&self.log_in(&[]).await.ok()["auth"]["mfa_requirement"]["mfa_request_id"])
    }

    async fn validate(&self, id: &str, given: &[&str]) -> Got {
        self.validate_in(self.namespace, id, given).await
    }

    async fn validate_in(&self, namespace: &str, id: &str, given: &[&str]) -> Got {
        let asked = json!({"mfa_request_id": id, "mfa_payload": {&self.method: given}});
        self.server.write_in(namespace, "sys/mfa/validate", asked).await
    }
}

fn token(got: Got) -> String {
    text(&got.ok()["auth"]["client_token"])
}

#[tokio::test]
async fn a_login_brings_its_code_and_each_code_once() {
    let server = Server::new().await;
    let ann = Bound::new(&server, "").await;
    let warned = ann.log_in(&[("x", "1")]).await.ok();
    assert!(text(&warned["warnings"][0]).contains("failed to find MFA Enforcement"));
    ann.bind(json!({"auth_method_types": ["userpass"]})).await;
    let code = ann.code(0);
    for wrong in [("nope", code.as_str()), (ann.method.as_str(), ""), (ann.method.as_str(), "x")] {
        ann.log_in(&[wrong]).await.refused(403, "permission denied");
    }
    let first = token(ann.log_in(&[(&ann.method, &code)]).await);
    assert!(server.lives(&first).await);
    ann.log_in(&[(&ann.method, &code)]).await.refused(403, "permission denied");
    ann.log_in(&[("phone", &format!("passcode={}", ann.code(1)))]).await.ok();
}

#[tokio::test]
async fn a_login_waits_for_its_code_and_is_ended_once() {
    let server = Server::new().await;
    let ann = Bound::new(&server, "").await;
    let accessor = text(&server.read("sys/auth/up").await.ok()["data"]["accessor"]);
    ann.bind(json!({"auth_method_accessors": [accessor]})).await;
    let asked = ann.log_in(&[]).await.ok();
    let auth = &asked["auth"];
    assert_eq!((&auth["client_token"], &auth["policies"], &auth["entity_id"]), (&json!(""), &Value::Null, &json!("")));
    assert!(auth.get("token_policies").is_none());
    let any = json!([{"type": "totp", "id": ann.method, "uses_passcode": true, "name": "phone"}]);
    assert_eq!(auth["mfa_requirement"]["mfa_constraints"], json!({"le": {"any": any}}));
    let id = text(&auth["mfa_requirement"]["mfa_request_id"]);
    ann.validate(&id, &["000"]).await.refused(403, "failed to satisfy enforcement le");
    ann.validate(&id, &[]).await.refused(403, "not supplied");
    ann.validate("nope", &["1"]).await.refused(400, "invalid request ID");
    server.write("sys/mfa/validate", json!({"mfa_payload": {}})).await.refused(400, "missing request ID");
    let payload = json!({"mfa_request_id": id, "mfa_payload": {"x": {"y": 1}}});
    server.write("sys/mfa/validate", payload).await.refused(400, "payload");
    let code = ann.code(0);
    let made = ann.validate(&id, &[&code]).await.ok();
    assert_eq!(made["auth"]["entity_id"], json!(ann.entity));
    let made = text(&made["auth"]["client_token"]);
    let shown = server.send(Verb::Read, "auth/token/lookup-self", &made, Value::Null).await.ok();
    assert_eq!(shown["data"]["path"], "auth/up/login/ann");
    ann.validate(&id, &[&ann.code(1)]).await.refused(400, "invalid request ID");
    let id = ann.begin().await;
    ann.validate(&id, &[&code]).await.refused(403, "le");
    server.alone.advance(Duration::from_secs(300));
    ann.validate(&id, &[&ann.code(0)]).await.refused(400, "invalid request ID");
}

/// What is wrong counts although the request that brought it is refused.
#[tokio::test]
async fn guesses_are_counted_over_logins_of_both_kinds() {
    let server = Server::new().await;
    let ann = Bound::new(&server, "").await;
    ann.bind(json!({"identity_entity_ids": [ann.entity]})).await;
    let id = ann.begin().await;
    ann.log_in(&[(&ann.method, "x")]).await.refused(403, "");
    ann.validate(&id, &["x"]).await.refused(403, "");
    ann.log_in(&[("phone", "x")]).await.refused(403, "");
    ann.validate(&id, &[&ann.code(0)]).await.refused(403, "attempts exceeded");
    ann.log_in(&[(&ann.method, &ann.code(0))]).await.refused(403, "permission denied");
    server.alone.advance(Duration::from_secs(90));
    ann.validate(&id, &[&ann.code(0)]).await.ok();
}

#[tokio::test]
async fn what_has_changed_while_a_login_waited_counts() {
    let server = Server::new().await;
    let ann = Bound::new(&server, "").await;
    let group = json!({"name": "g", "member_entity_ids": [ann.entity]});
    let group = text(&server.write("identity/group", group).await.ok()["data"]["id"]);
    ann.bind(json!({"identity_group_ids": [group]})).await;
    let id = ann.begin().await;
    let entity = format!("identity/entity/id/{}", ann.entity);
    server.write(&entity, json!({"disabled": true})).await.ok();
    ann.validate(&id, &[&ann.code(0)]).await.refused(403, "permission denied");
    server.write(&entity, json!({"disabled": false})).await.ok();
    server.write("identity/group/name/g", json!({"member_entity_ids": []})).await.ok();
    ann.validate(&id, &[&ann.code(0)]).await.refused(400, NOBODY_ASKS);
    server.write("identity/group/name/g", json!({"member_entity_ids": [ann.entity]})).await.ok();
    server.delete("sys/auth/up").await.ok();
    ann.validate(&id, &[&ann.code(0)]).await.refused(403, "permission denied");
}

#[tokio::test]
async fn who_is_not_that_user_any_more_does_not_end_a_login() {
    let server = Server::new().await;
    let ann = Bound::new(&server, "").await;
    ann.bind(json!({"auth_method_types": ["userpass"]})).await;
    let id = ann.begin().await;
    let entity = server.read(&format!("identity/entity/id/{}", ann.entity)).await.ok()["data"].clone();
    let alias = format!("identity/entity-alias/id/{}", text(&entity["aliases"][0]["id"]));
    let other = server.write("identity/entity", json!({"name": "other"})).await.ok();
    server.write(&alias, json!({"canonical_id": other["data"]["id"]})).await.ok();
    ann.validate(&id, &[&ann.code(0)]).await.refused(403, "counts no more");
    server.write(&alias, json!({"canonical_id": ann.entity})).await.ok();
    server.delete(&alias).await.ok();
    ann.validate(&id, &[&ann.code(0)]).await.refused(403, "counts no more");
}

#[tokio::test]
async fn a_login_that_waits_is_not_wrapped_and_its_token_is() {
    let server = Server::new().await;
    let ann = Bound::new(&server, "").await;
    ann.bind(json!({"auth_method_types": ["userpass"]})).await;
    let asked = server.wrapped("auth/up/login/ann", Value::Null).await.ok();
    assert!(asked["wrap_info"].is_null(), "nobody has shown yet that they may have anything kept for them");
    let id = text(&asked["auth"]["mfa_requirement"]["mfa_request_id"]);
    let payload = json!({"mfa_request_id": id, "mfa_payload": {&ann.method: [ann.code(0)]}});
    let made = server.wrapped("sys/mfa/validate", payload).await.ok();
    assert!(made["auth"].is_null() && made["wrap_info"]["token"].is_string());
}

#[tokio::test]
async fn a_namespace_s_methods_and_enforcements_are_its_own() {
    let server = Server::new().await;
    server.write("sys/namespaces/a", json!({})).await.ok();
    let (here, there) = (Bound::new(&server, "").await, Bound::new(&server, "a").await);
    there.bind(json!({"auth_method_types": ["userpass"]})).await;
    here.log_in(&[]).await.ok();
    assert!(!token(here.log_in(&[]).await).is_empty());
    let id = there.begin().await;
    there.validate_in("", &id, &[&there.code(0)]).await.refused(400, "invalid request ID");
    let foreign = json!({"mfa_method_ids": [there.method], "auth_method_types": ["userpass"]});
    server.write("identity/mfa/login-enforcement/x", foreign).await.refused(400, "method ids");
    assert_eq!(server.read(&format!("identity/mfa/method/totp/{}", there.method)).await.status, 404);
    let of_both = json!({"method_id": here.method, "entity_id": there.entity});
    server.write("identity/mfa/method/totp/admin-generate", of_both).await.refused(400, "entity");
    assert!(!token(there.validate(&id, &[&there.code(0)]).await).is_empty());
}

/// A login that nothing can satisfy is no login.
#[tokio::test]
async fn what_this_server_cannot_ask_lets_nobody_in() {
    let server = Server::new().await;
    let ann = Bound::new(&server, "").await;
    let duo = json!({"secret_key": "s", "integration_key": "i", "api_hostname": "h", "method_name": "d"});
    let duo = text(&server.write("identity/mfa/method/duo", duo).await.ok()["data"]["method_id"]);
    let bound = json!({"mfa_method_ids": [duo], "auth_method_types": ["userpass"]});
    server.write("identity/mfa/login-enforcement/le", bound).await.ok();
    ann.log_in(&[]).await.refused(403, "cannot ask duo");
    ann.log_in(&[("d", "")]).await.refused(403, "cannot ask duo");
    let either = json!({"mfa_method_ids": [duo, ann.method]});
    server.write("identity/mfa/login-enforcement/le", either.clone()).await.refused(400, "One of");
    let either = json!({"mfa_method_ids": [duo, ann.method], "auth_method_types": ["userpass"]});
    server.write("identity/mfa/login-enforcement/le", either).await.ok();
    ann.log_in(&[("d", "1")]).await.refused(403, "permission denied");
    ann.log_in(&[("d", "1"), (&ann.method, &ann.code(0))]).await.ok();
}

#[tokio::test]
async fn one_code_is_enough_for_all_enforcements_that_take_it() {
    let server = Server::new().await;
    let ann = Bound::new(&server, "").await;
    ann.bind(json!({"auth_method_types": ["userpass"]})).await;
    let more = json!({"mfa_method_ids": [ann.method], "identity_entity_ids": [ann.entity]});
    server.write("identity/mfa/login-enforcement/more", more).await.ok();
    ann.log_in(&[(&ann.method, &ann.code(0))]).await.ok();
    let other = json!({"issuer": "other", "method_name": "other"});
    let other = text(&server.write("identity/mfa/method/totp", other).await.ok()["data"]["method_id"]);
    server
        .write("identity/mfa/login-enforcement/more", json!({"mfa_method_ids": [other], "auth_method_types": []}))
        .await
        .ok();
    ann.log_in(&[(&ann.method, &ann.code(1))]).await.refused(403, "permission denied");
}

/// A second factor ends when somebody says so, and not because what it was asked for has gone.
#[tokio::test]
async fn what_an_enforcement_binds_alone_is_not_removed() {
    let server = Server::new().await;
    let ann = Bound::new(&server, "").await;
    let accessor = text(&server.read("sys/auth/up").await.ok()["data"]["accessor"]);
    let group = json!({"name": "g", "member_entity_ids": [ann.entity]});
    let group = text(&server.write("identity/group", group).await.ok()["data"]["id"]);
    let (by_group, by_entity) = (format!("identity/group/id/{group}"), format!("identity/entity/id/{}", ann.entity));
    for (body, path) in [
        (json!({"identity_group_ids": [group]}), by_group.as_str()),
        (json!({"identity_group_ids": [group]}), "identity/group/name/g"),
        (json!({"identity_entity_ids": [ann.entity]}), by_entity.as_str()),
        (json!({"auth_method_accessors": [accessor]}), "sys/auth/up"),
    ] {
        ann.bind(body.clone()).await;
        let mut other = body;
        other["mfa_method_ids"] = json!([ann.method]);
        server.write("identity/mfa/login-enforcement/other", other).await.ok();
        server.delete(path).await.refused(400, "with the names: \"le\", \"other\"");
        server.delete("identity/mfa/login-enforcement/other").await.ok();
        server.delete(path).await.refused(400, "with the names: \"le\"");
        assert!(!ann.begin().await.is_empty(), "{path}: she is asked as before");
        server.delete("identity/mfa/login-enforcement/le").await.ok();
    }
    let ids = json!({"entity_ids": [ann.entity]});
    ann.bind(json!({"identity_entity_ids": [ann.entity]})).await;
    server.write("identity/entity/batch-delete", ids).await.refused(400, "the entity is still used");
    server.delete("identity/mfa/login-enforcement/le").await.ok();
    // One that binds others as well lets it go, and names it no more.
    ann.bind(
        json!({"identity_group_ids": [group], "identity_entity_ids": [ann.entity], "auth_method_types": ["userpass"],
        "auth_method_accessors": [accessor]}),
    )
    .await;
    for path in [by_group.as_str(), by_entity.as_str(), "sys/auth/up"] {
        server.delete(path).await.ok();
    }
    let left = server.read("identity/mfa/login-enforcement/le").await.ok()["data"].clone();
    for list in ["identity_group_ids", "identity_entity_ids", "auth_method_accessors"] {
        assert!(left[list].as_array().is_none_or(Vec::is_empty), "{list}: {left}");
    }
    assert_eq!(left["auth_method_types"], json!(["userpass"]));
    server.write("sys/auth/up", json!({"type": "userpass"})).await.ok();
    assert!(!ann.begin().await.is_empty(), "the next mount of the type is bound");
    // Nothing is left of what led there.
    server.delete("identity/mfa/login-enforcement/le").await.ok();
    server.delete(&format!("identity/mfa/method/totp/{}", ann.method)).await.ok();
}

#[tokio::test]
async fn methods_are_written_shown_without_secrets_and_refused() {
    let server = Server::new().await;
    let base = "identity/mfa/method";
    let okta = json!({"org_name": "o", "api_token": "hidden", "production": true, "method_name": "k"});
    let okta = text(&server.write(&format!("{base}/okta"), okta).await.ok()["data"]["method_id"]);
    let shown = server.read(&format!("{base}/{okta}")).await.ok();
    assert_eq!((&shown["data"]["production"], shown["data"].get("base_url")), (&json!(true), None));
    assert!(!shown.to_string().contains("hidden"));
    let renamed = json!({"org_name": "p", "api_token": "t", "method_name": "k2"});
    assert_eq!(server.write(&format!("{base}/okta/{okta}"), renamed).await.status, 204);
    let totp = json!({"issuer": "i", "method_name": "k2"});
    server.write(&format!("{base}/totp"), totp).await.refused(400, "type okta");
    let free = json!({"issuer": "i", "method_name": "k"});
    let totp = text(&server.write(&format!("{base}/totp"), free).await.ok()["data"]["method_id"]);
    let taken = json!({"issuer": "i", "method_name": "k2"});
    server.write(&format!("{base}/totp/{totp}"), taken).await.refused(400, "already exists");
    server.write(&format!("{base}/totp/none"), json!({"issuer": "i"})).await.refused(404, "");
    server.delete(&format!("{base}/duo/{totp}")).await.refused(400, "type");
    server.read(&format!("{base}/duo/{totp}")).await.refused(400, "under MFA type duo");
    for (body, says) in [
        (json!({"settings_file_base64": "eD15"}), "unknown key"),
        (json!({"settings_file_base64": "eA=="}), "line 1"),
        (json!({"settings_file_base64": "!!"}), "input byte 0"),
    ] {
        server.write(&format!("{base}/pingid"), body).await.refused(400, says);
    }
    for (field, value, says) in [
        ("period", json!(0), "period"),
        ("skew", json!(-1), "skew"),
        ("key_size", json!(1_000_000), "key_size"),
        ("qr_size", json!(1_000_000), "qr_size"),
        ("issuer", json!("i".repeat(10_000)), "4096"),
        ("issuer", json!("i".repeat(4_000)), "QR code"),
        ("qr_size", json!(10), "at least"),
        ("method_name", json!("a\u{7}"), "control"),
    ] {
        let mut body = json!({"issuer": "i"});
        body[field] = value;
        server.write(&format!("{base}/totp"), body).await.refused(400, says);
    }
    let listed = server.list(base).await.ok()["data"]["keys"].clone();
    assert_eq!(listed.as_array().unwrap().len(), 2, "what was refused left nothing");
}
