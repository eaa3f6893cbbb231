//! The API description is valid, and true: live answers have what it says, and nothing that it does not say.

use std::collections::BTreeSet;

use holdfast::catalog;
use sdk::PluginKind;
use serde_json::{Value, json};

use crate::harness::{Client, Cluster, Description, Transport};

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_valid_and_complete() {
    let cluster = Cluster::serving(1, Transport::Plain).await;
    let root = cluster.root(0);
    mount(&root).await;
    for query in ["", "?generic_mount_paths=true", "?context=mine"] {
        let document = root.get(&format!("/v1/sys/internal/specs/openapi{query}")).await.ok();
        let parsed: openapiv3::OpenAPI = serde_json::from_value(document.clone()).unwrap();
        assert_eq!(parsed.openapi, "3.0.2");
        let mut ids = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            check_parameters(path, item);
            for method in ["get", "post", "patch", "delete"] {
                let Some(operation) = item.get(method) else { continue };
                let id = operation["operationId"].as_str().unwrap().to_owned();
                assert!(query != "?context=mine" || id.ends_with("-mine"), "{id}");
                assert!(ids.insert(id.clone()), "{id} names two operations");
                assert!(!operation["responses"].as_object().unwrap().is_empty(), "{id} says no answer");
                assert!(!operation["summary"].as_str().unwrap().is_empty(), "{id} has no help");
            }
        }
        references(&document).iter().for_each(|name| {
            assert!(document["components"]["schemas"][name].is_object(), "{name} is referred to and not there");
        });
    }
    let generic = root.get("/v1/sys/internal/specs/openapi?generic_mount_paths=true").await.ok();
    assert!(generic["paths"]["/{kv_mount_path}/{path}"]["post"].is_object());
    assert!(generic["paths"]["/auth/{userpass_mount_path}/login/{username}"]["post"].is_object());
    assert!(generic["paths"]["/auth/token/create"]["post"].is_object(), "there is one of it");

    let strange = cluster.nodes[0].client().get("/v1/sys/internal/specs/openapi").await.ok();
    assert_eq!(strange["paths"], json!({}), "without a token nothing shows that is not listed for everybody");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_as_described() {
    let cluster = Cluster::serving(1, Transport::Plain).await;
    let root = cluster.root(0);
    mount(&root).await;
    let description = Description::of(&root).await;
    let mut wrong = Vec::new();
    let mut saved = Value::Null;
    for (method, path, body) in WALK {
        let (path, body) = (filled(path, &saved), filled(body, &saved));
        let body: Value = serde_json::from_str(&body).unwrap();
        let body = Some(&body).filter(|body| !body.is_null());
        let answer = root.send(method, &path, body).await;
        let Some(operation) = description.find(method, &path) else {
            wrong.push(format!("{method} {path} is not described"));
            continue;
        };
        if answer.status >= 300 {
            wrong.push(format!("{method} {path}: {} {}", answer.status, answer.body));
            continue;
        }
        let differences = description.differences(&operation, &answer);
        wrong.extend(differences.into_iter().map(|difference| format!("{method} {path}: {difference}")));
        if answer.body["auth"]["client_token"].as_str().is_some_and(|token| !token.is_empty()) {
            saved = answer.body["auth"].clone();
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_says_what_it_answers() {
    let cluster = Cluster::serving(1, Transport::Plain).await;
    let root = cluster.root(0);
    mount(&root).await;
    let operations = Description::of(&root).await.operations();
    let silent = operations.iter().filter(|op| !op.says_what_it_answers());
    let silent: Vec<String> = silent.map(|op| format!("{} {} ({})", op.method, op.template, op.id())).collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn help_at_every_level() {
    let cluster = Cluster::serving(1, Transport::Plain).await;
    let root = cluster.root(0);
    mount(&root).await;
    for (path, says, describes) in [
        ("sys", "Control of the server", "/mounts/{path}"),
        ("sys/", "Control of the server", "/health"),
        ("sys/health", "load balancers", "/health"),
        ("sys/policies/acl/x", "polic", "/policies/acl/{name}"),
        ("auth/token", "Tokens", "/create"),
        ("auth/token/create", "token", "/create"),
        ("auth/userpass/", "", "/login/{username}"),
        ("kv", "", "/{path}"),
        ("kv-v2/data/a/b", "versions", "/data/{path}"),
        ("cubbyhole/x", "calling token", "/{path}"),
        ("identity", "identity", ""),
    ] {
        let help = root.get(&format!("/v1/{path}?help=1")).await.ok();
        let text = help["help"].as_str().unwrap();
        assert!(text.contains(says), "{path}: {text}");
        let paths = &help["openapi"]["paths"];
        assert!(describes.is_empty() || paths[describes].is_object(), "{path}: {paths}");
    }
    assert_eq!(root.get("/v1/?help=1").await.status, 404);
    assert_eq!(root.get("/v1/nothing?help=1").await.status, 404);
    assert_eq!(cluster.nodes[0].client().get("/v1/sys/mounts?help=1").await.status, 403, "help is for who may");
    assert_eq!(cluster.nodes[0].client().get("/v1/sys/health").await.status, 200);
}

async fn mount(root: &Client) {
    for (kind, name) in catalog::plugins().types() {
        let table = if kind == PluginKind::Secret { "mounts" } else { "auth" };
        root.post(&format!("/v1/sys/{table}/{name}"), json!({ "type": name })).await.ok();
    }
    root.post("/v1/sys/mounts/again", json!({ "type": "kv" })).await.ok();
}

/// Every name in a path is one of its parameters, and the other way round.
fn check_parameters(path: &str, item: &Value) {
    let in_path = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path: BTreeSet<&str> = in_path.collect();
    let parameters = item["parameters"].as_array().into_iter().flatten();
    let declared: BTreeSet<&str> =
        parameters.filter(|parameter| parameter["in"] == "path").filter_map(|p| p["name"].as_str()).collect();
    assert_eq!(in_path, declared, "{path}");
}

fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str);
            let own = own.map(|name| name.rsplit('/').next().unwrap().to_owned());
            own.into_iter().chain(fields.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// `{token}` and `{accessor}` are those of the last answer that had any.
fn filled(text: &str, auth: &Value) -> String {
    let field = |name: &str| auth[name].as_str().unwrap_or_default().to_owned();
    text.replace("{token}", &field("client_token")).replace("{accessor}", &field("accessor"))
}

/// Requests that work, one after the other.
const WALK: &[(&str, &str, &str)] = &[
    ("GET", "/v1/sys/health", "null"),
    ("GET", "/v1/sys/seal-status", "null"),
    ("GET", "/v1/sys/leader", "null"),
    ("GET", "/v1/sys/init", "null"),
    ("GET", "/v1/sys/ha-status", "null"),
    ("GET", "/v1/sys/key-status", "null"),
    ("POST", "/v1/sys/rotate", "{}"),
    ("GET", "/v1/sys/rotate/config", "null"),
    ("POST", "/v1/sys/rotate/config", r#"{"interval": "24h"}"#),
    ("GET", "/v1/sys/rotate/keyring/config", "null"),
    ("GET", "/v1/sys/mounts", "null"),
    ("GET", "/v1/sys/mounts/kv", "null"),
    ("GET", "/v1/sys/mounts/kv/tune", "null"),
    ("POST", "/v1/sys/mounts/kv/tune", r#"{"description": "d", "audit_non_hmac_request_keys": ["a"]}"#),
    ("GET", "/v1/sys/mounts/kv/tune", "null"),
    ("GET", "/v1/sys/auth", "null"),
    ("GET", "/v1/sys/auth/userpass", "null"),
    ("GET", "/v1/sys/auth/userpass/tune", "null"),
    ("POST", "/v1/sys/auth/userpass/tune", r#"{"user_lockout_config": {"lockout_threshold": 3}}"#),
    ("GET", "/v1/sys/auth/userpass/tune", "null"),
    ("GET", "/v1/sys/auth", "null"),
    ("POST", "/v1/sys/remount", r#"{"from": "again", "to": "moved"}"#),
    ("GET", "/v1/sys/internal/ui/mounts", "null"),
    ("GET", "/v1/sys/internal/ui/mounts/kv", "null"),
    ("GET", "/v1/sys/internal/ui/namespaces", "null"),
    ("GET", "/v1/sys/internal/ui/resultant-acl", "null"),
    ("GET", "/v1/sys/internal/counters/tokens", "null"),
    ("GET", "/v1/sys/internal/counters/entities", "null"),
    ("POST", "/v1/identity/entity", r#"{"name": "walker", "metadata": {"a": "b"}, "policies": ["p"]}"#),
    ("POST", "/v1/identity/entity", r#"{"name": "walker", "disabled": false}"#),
    ("GET", "/v1/identity/entity/name/walker", "null"),
    ("LIST", "/v1/identity/entity/id", "null"),
    ("LIST", "/v1/identity/entity/name", "null"),
    ("POST", "/v1/identity/group", r#"{"name": "walkers", "policies": ["p"]}"#),
    ("POST", "/v1/identity/group", r#"{"name": "runners", "type": "external"}"#),
    ("GET", "/v1/identity/group/name/walkers", "null"),
    ("LIST", "/v1/identity/group/id", "null"),
    ("LIST", "/v1/identity/group/name", "null"),
    ("POST", "/v1/identity/lookup/entity", r#"{"name": "walker"}"#),
    ("POST", "/v1/identity/lookup/group", r#"{"name": "walkers"}"#),
    ("POST", "/v1/identity/lookup/group", r#"{"name": "nobody"}"#),
    ("POST", "/v1/identity/mfa/method/totp", r#"{"issuer": "walker"}"#),
    ("LIST", "/v1/identity/mfa/method", "null"),
    ("LIST", "/v1/identity/mfa/method/totp", "null"),
    ("GET", "/v1/sys/internal/specs/openapi", "null"),
    ("POST", "/v1/sys/internal/specs/openapi", r#"{"context": "x"}"#),
    ("GET", "/v1/sys/config/cors", "null"),
    ("POST", "/v1/sys/config/cors", r#"{"allowed_origins": ["https://a"]}"#),
    ("GET", "/v1/sys/config/cors", "null"),
    ("DELETE", "/v1/sys/config/cors", "null"),
    ("POST", "/v1/sys/config/ui/headers/x-mine", r#"{"values": ["a", "b"]}"#),
    ("GET", "/v1/sys/config/ui/headers/X-Mine", "null"),
    ("GET", "/v1/sys/config/ui/headers/X-Mine?multivalue=true", "null"),
    ("LIST", "/v1/sys/config/ui/headers", "null"),
    ("DELETE", "/v1/sys/config/ui/headers/X-Mine", "null"),
    ("POST", "/v1/sys/config/auditing/request-headers/X-A", r#"{"hmac": true}"#),
    ("GET", "/v1/sys/config/auditing/request-headers/X-A", "null"),
    ("GET", "/v1/sys/config/auditing/request-headers", "null"),
    ("GET", "/v1/sys/audit", "null"),
    ("GET", "/v1/sys/storage/raft/configuration", "null"),
    ("GET", "/v1/sys/storage/raft/autopilot/state", "null"),
    ("GET", "/v1/sys/storage/raft/autopilot/configuration", "null"),
    ("GET", "/v1/sys/rekey/init", "null"),
    ("POST", "/v1/sys/rekey/init", r#"{"secret_shares": 1, "secret_threshold": 1}"#),
    ("DELETE", "/v1/sys/rekey/init", "null"),
    ("GET", "/v1/sys/rotate/root/init", "null"),
    ("GET", "/v1/sys/generate-root/attempt", "null"),
    ("POST", "/v1/sys/generate-root/attempt", "{}"),
    ("DELETE", "/v1/sys/generate-root/attempt", "null"),
    ("POST", "/v1/sys/generate-root-token/attempt", "{}"),
    ("GET", "/v1/sys/generate-root-token/attempt", "null"),
    ("DELETE", "/v1/sys/generate-root-token/attempt", "null"),
    ("POST", "/v1/sys/policies/acl/p", r#"{"policy": "path \"kv/*\" { capabilities = [\"read\"] }"}"#),
    ("GET", "/v1/sys/policies/acl/p", "null"),
    ("LIST", "/v1/sys/policies/acl", "null"),
    ("GET", "/v1/sys/policy", "null"),
    ("GET", "/v1/sys/policy/p", "null"),
    ("POST", "/v1/sys/capabilities-self", r#"{"paths": ["kv/a", "kv/b"]}"#),
    ("POST", "/v1/sys/capabilities-self", r#"{"path": "kv/a"}"#),
    ("POST", "/v1/auth/token/create", r#"{"policies": ["p"], "meta": {"a": "b"}, "ttl": "1h"}"#),
    ("POST", "/v1/auth/token/lookup", r#"{"token": "{token}"}"#),
    ("POST", "/v1/auth/token/lookup-accessor", r#"{"accessor": "{accessor}"}"#),
    ("POST", "/v1/sys/capabilities", r#"{"token": "{token}", "paths": ["kv/a"]}"#),
    ("POST", "/v1/sys/capabilities-accessor", r#"{"accessor": "{accessor}", "paths": ["kv/a"]}"#),
    ("POST", "/v1/auth/token/renew", r#"{"token": "{token}"}"#),
    ("POST", "/v1/auth/token/renew-accessor", r#"{"accessor": "{accessor}"}"#),
    ("LIST", "/v1/auth/token/accessors", "null"),
    ("POST", "/v1/auth/token/revoke", r#"{"token": "{token}"}"#),
    ("GET", "/v1/auth/token/lookup-self", "null"),
    ("POST", "/v1/auth/token/create-orphan", r#"{"policies": ["p"]}"#),
    ("POST", "/v1/auth/token/roles/r", r#"{"allowed_policies": "p", "token_type": "service"}"#),
    ("GET", "/v1/auth/token/roles/r", "null"),
    ("LIST", "/v1/auth/token/roles", "null"),
    ("POST", "/v1/auth/token/create/r", r#"{"policies": ["p"]}"#),
    ("DELETE", "/v1/auth/token/roles/r", "null"),
    ("POST", "/v1/auth/token/tidy", "{}"),
    ("GET", "/v1/sys/leases?type=irrevocable", "null"),
    ("GET", "/v1/sys/leases/count?type=irrevocable", "null"),
    ("POST", "/v1/sys/leases/tidy", "{}"),
    ("POST", "/v1/cubbyhole/a", r#"{"b": {"c": 1}}"#),
    ("GET", "/v1/cubbyhole/a", "null"),
    ("LIST", "/v1/cubbyhole", "null"),
    ("DELETE", "/v1/cubbyhole/a", "null"),
    ("POST", "/v1/kv/a/b", r#"{"c": [1, "d", null], "ttl": "1h"}"#),
    ("GET", "/v1/kv/a/b", "null"),
    ("LIST", "/v1/kv/a", "null"),
    ("SCAN", "/v1/kv/", "null"),
    ("DELETE", "/v1/kv/a/b", "null"),
    ("GET", "/v1/kv-v2/config", "null"),
    ("POST", "/v1/kv-v2/config", r#"{"max_versions": 5}"#),
    ("POST", "/v1/kv-v2/data/a", r#"{"data": {"b": "c"}}"#),
    ("GET", "/v1/kv-v2/data/a", "null"),
    ("POST", "/v1/kv-v2/metadata/a", r#"{"custom_metadata": {"x": "y"}}"#),
    ("GET", "/v1/kv-v2/metadata/a", "null"),
    ("GET", "/v1/kv-v2/subkeys/a", "null"),
    ("LIST", "/v1/kv-v2/metadata", "null"),
    ("LIST", "/v1/kv-v2/detailed-metadata/", "null"),
    ("POST", "/v1/kv-v2/delete/a", r#"{"versions": [1]}"#),
    ("POST", "/v1/kv-v2/undelete/a", r#"{"versions": [1]}"#),
    ("POST", "/v1/kv-v2/destroy/a", r#"{"versions": [1]}"#),
    ("POST", "/v1/kv-v2/data/b", r#"{"data": {"b": "c"}}"#),
    ("POST", "/v1/kv-v2/move/b", r#"{"to": "c/d"}"#),
    ("POST", "/v1/sys/tools/hash", r#"{"input": "YQ=="}"#),
    ("POST", "/v1/sys/tools/hash/sha3-256", r#"{"input": "YQ=="}"#),
    ("POST", "/v1/sys/tools/random", "{}"),
    ("POST", "/v1/sys/tools/random/8", "{}"),
    ("POST", "/v1/sys/tools/random/platform/8", "{}"),
    ("POST", "/v1/sys/policies/password/w", r#"{"policy": "length = 12\nrule \"charset\" { charset = \"abcdef\" }"}"#),
    ("GET", "/v1/sys/policies/password/w", "null"),
    ("LIST", "/v1/sys/policies/password", "null"),
    ("GET", "/v1/sys/policies/password/w/generate", "null"),
    ("DELETE", "/v1/sys/policies/password/w", "null"),
    ("POST", "/v1/sys/quotas/rate-limit/q", r#"{"rate": 1000000, "path": "kv"}"#),
    ("GET", "/v1/sys/quotas/rate-limit/q", "null"),
    ("LIST", "/v1/sys/quotas/rate-limit", "null"),
    ("DELETE", "/v1/sys/quotas/rate-limit/q", "null"),
    ("POST", "/v1/sys/quotas/lease-count/q", r#"{"max_leases": 1000000}"#),
    ("GET", "/v1/sys/quotas/lease-count/q", "null"),
    ("LIST", "/v1/sys/quotas/lease-count", "null"),
    ("DELETE", "/v1/sys/quotas/lease-count/q", "null"),
    ("GET", "/v1/sys/quotas/config", "null"),
    ("GET", "/v1/sys/loggers", "null"),
    ("GET", "/v1/sys/host-info", "null"),
    ("GET", "/v1/sys/in-flight-req", "null"),
    ("LIST", "/v1/sys/version-history", "null"),
    ("GET", "/v1/sys/plugins/catalog", "null"),
    ("LIST", "/v1/sys/plugins/catalog/secret", "null"),
    ("GET", "/v1/sys/locked-users", "null"),
    ("GET", "/v1/sys/config/state/sanitized", "null"),
    ("GET", "/v1/sys/internal/counters/entities", "null"),
    ("POST", "/v1/sys/policy/explain", r#"{"policies": "default", "path": "kv/x", "operation": "read"}"#),
    ("POST", "/v1/sys/policy/explain-self", r#"{"path": "kv/x", "operation": "read"}"#),
    ("POST", "/v1/sys/batch", r#"{"operations": [{"operation": "read", "path": "kv-v2/data/c/d"}]}"#),
    ("DELETE", "/v1/kv-v2/metadata/a", "null"),
    ("POST", "/v1/totp/keys/a", r#"{"generate": true, "issuer": "i", "account_name": "a"}"#),
    ("POST", "/v1/totp/keys/b", r#"{"key": "GEZDGNBVGY3TQOJQ"}"#),
    ("GET", "/v1/totp/keys/a", "null"),
    ("LIST", "/v1/totp/keys", "null"),
    ("GET", "/v1/totp/code/a", "null"),
    ("POST", "/v1/totp/code/a", r#"{"code": "123456"}"#),
    ("DELETE", "/v1/totp/keys/a", "null"),
    ("POST", "/v1/auth/userpass/users/ann", r#"{"password": "secret-1", "policies": "p", "ttl": "1h"}"#),
    ("GET", "/v1/auth/userpass/users/ann", "null"),
    ("LIST", "/v1/auth/userpass/users", "null"),
    ("POST", "/v1/auth/userpass/login/ann", r#"{"password": "secret-1"}"#),
    ("POST", "/v1/auth/userpass/users/ann/password", r#"{"password": "secret-2"}"#),
    ("POST", "/v1/auth/userpass/users/ann/policies", r#"{"token_policies": "p"}"#),
    ("DELETE", "/v1/auth/userpass/users/ann", "null"),
    ("POST", "/v1/auth/approle/role/r", r#"{"token_policies": "p", "period": "1h", "policies": "p"}"#),
    ("GET", "/v1/auth/approle/role/r", "null"),
    ("LIST", "/v1/auth/approle/role", "null"),
    ("GET", "/v1/auth/approle/role/r/role-id", "null"),
    ("POST", "/v1/auth/approle/role/r/role-id", r#"{"role_id": "chosen"}"#),
    ("GET", "/v1/auth/approle/role/r/policies", "null"),
    ("GET", "/v1/auth/approle/role/r/period", "null"),
    ("GET", "/v1/auth/approle/role/r/bind-secret-id", "null"),
    ("GET", "/v1/auth/approle/role/r/bound-cidr-list", "null"),
    ("GET", "/v1/auth/approle/role/r/secret-id-bound-cidrs", "null"),
    ("GET", "/v1/auth/approle/role/r/secret-id-num-uses", "null"),
    ("GET", "/v1/auth/approle/role/r/secret-id-ttl", "null"),
    ("GET", "/v1/auth/approle/role/r/local-secret-ids", "null"),
    ("GET", "/v1/auth/approle/role/r/token-bound-cidrs", "null"),
    ("GET", "/v1/auth/approle/role/r/token-ttl", "null"),
    ("GET", "/v1/auth/approle/role/r/token-max-ttl", "null"),
    ("GET", "/v1/auth/approle/role/r/token-num-uses", "null"),
    ("POST", "/v1/auth/approle/role/r/secret-id", r#"{"metadata": "{\"a\": \"b\"}"}"#),
    ("POST", "/v1/auth/approle/role/r/custom-secret-id", r#"{"secret_id": "chosen"}"#),
    ("LIST", "/v1/auth/approle/role/r/secret-id", "null"),
    ("POST", "/v1/auth/approle/role/r/secret-id/lookup", r#"{"secret_id": "chosen"}"#),
    ("POST", "/v1/auth/approle/login", r#"{"role_id": "chosen", "secret_id": "chosen"}"#),
    ("POST", "/v1/auth/approle/role/r/secret-id/destroy", r#"{"secret_id": "chosen"}"#),
    ("POST", "/v1/auth/approle/tidy/secret-id", "{}"),
    ("DELETE", "/v1/auth/approle/role/r", "null"),
    ("POST", "/v1/transit/keys/k", r#"{"exportable": true, "allow_plaintext_backup": true}"#),
    ("POST", "/v1/transit/keys/d", r#"{"derived": true, "convergent_encryption": true}"#),
    ("POST", "/v1/transit/keys/p", r#"{"type": "ecdsa-p256", "exportable": true}"#),
    ("POST", "/v1/transit/keys/m", r#"{"type": "hmac", "key_size": 32}"#),
    ("GET", "/v1/transit/keys/k", "null"),
    ("GET", "/v1/transit/keys/d", "null"),
    ("GET", "/v1/transit/keys/p", "null"),
    ("GET", "/v1/transit/keys/m", "null"),
    ("LIST", "/v1/transit/keys", "null"),
    ("POST", "/v1/transit/keys/k/rotate", "{}"),
    ("POST", "/v1/transit/keys/k/config", r#"{"min_encryption_version": 2, "min_decryption_version": 2}"#),
    ("POST", "/v1/transit/keys/k/trim", r#"{"min_available_version": 2}"#),
    ("POST", "/v1/transit/encrypt/k", r#"{"plaintext": "YQ=="}"#),
    ("POST", "/v1/transit/encrypt/k", r#"{"batch_input": [{"plaintext": "YQ==", "reference": "a"}]}"#),
    ("POST", "/v1/transit/encrypt/new", r#"{"plaintext": "YQ=="}"#),
    ("POST", "/v1/transit/datakey/plaintext/k", "{}"),
    ("POST", "/v1/transit/datakey/wrapped/k", "{}"),
    ("POST", "/v1/transit/hmac/k", r#"{"input": "YQ=="}"#),
    ("POST", "/v1/transit/hmac/k/sha2-512", r#"{"batch_input": [{"input": "YQ=="}, {"input": "?"}]}"#),
    ("POST", "/v1/transit/sign/p", r#"{"input": "YQ=="}"#),
    ("POST", "/v1/transit/sign/p/sha2-384", r#"{"batch_input": [{"input": "YQ=="}, {"input": "?"}]}"#),
    ("POST", "/v1/transit/verify/p", r#"{"batch_input": [{"input": "YQ==", "signature": "vault:v1:AAAA"}]}"#),
    ("POST", "/v1/transit/hash", r#"{"input": "YQ=="}"#),
    ("POST", "/v1/transit/hash/sha3-256", r#"{"input": "YQ=="}"#),
    ("POST", "/v1/transit/random", "{}"),
    ("POST", "/v1/transit/random/platform/8", "{}"),
    ("GET", "/v1/transit/export/encryption-key/k", "null"),
    ("GET", "/v1/transit/export/public-key/p/latest", "null"),
    ("GET", "/v1/transit/backup/k", "null"),
    ("GET", "/v1/transit/keys/k", "null"),
    ("POST", "/v1/transit/keys/p/csr", "{}"),
    ("GET", "/v1/transit/wrapping_key", "null"),
    ("GET", "/v1/transit/cache-config", "null"),
    ("POST", "/v1/transit/cache-config", r#"{"size": 10}"#),
    ("POST", "/v1/transit/config/keys", r#"{"disable_upsert": true}"#),
    ("GET", "/v1/transit/config/keys", "null"),
    ("DELETE", "/v1/transit/keys/k/soft-delete", "null"),
    ("POST", "/v1/transit/keys/k/soft-delete-restore", "{}"),
    ("POST", "/v1/sys/leases/revoke-prefix/auth/userpass", "{}"),
    ("DELETE", "/v1/sys/policies/acl/p", "null"),
    ("DELETE", "/v1/sys/mounts/moved", "null"),
];
