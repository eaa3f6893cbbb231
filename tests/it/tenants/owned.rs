//! What a tenant has, and which fields of which operations name it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::harness::Client;

/// In everything that `alpha` has stored, and nowhere else.
pub const ONLY: &str = "only-of-alpha-7d1c";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    Namespace,
    Secret,
    Key,
    Ciphertext,
    Mount,
    Login,
    MountAccessor,
    Policy,
    Words,
    Quota,
    Token,
    Accessor,
    Lease,
    Wrapped,
    TokenRole,
    Role,
    RoleId,
    SecretId,
    SecretIdAccessor,
    User,
    Entity,
    EntityId,
    AliasId,
    Group,
    GroupId,
    GroupAlias,
    GroupAliasId,
    Oidc,
    ClientId,
    MfaMethod,
    Enforcement,
    WaitingLogin,
    Migration,
    Denial,
}

/// Names that name nothing of a tenant: texts to be stored or computed with, words of few, and what the root namespace
/// alone has.
const PLAIN: &[&str] = &[
    "api_hostname",
    "api_token",
    "auth_method_types",
    "base_url",
    "integration_key",
    "method_name",
    "mfa_payload",
    "org_name",
    "push_info",
    "secret_key",
    "settings_file_base64",
    "username_format",
    "client_secret",
    "client_type",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "grant_type",
    "max_age",
    "redirect_uri",
    "redirect_uris",
    "request",
    "request_uri",
    "response_type",
    "scope",
    "state",
    "template",
    "account_name",
    "action",
    "after",
    "algorithm",
    "allowed_headers",
    "allowed_origins",
    "allowed_response_headers",
    "associated_data",
    "audit_non_hmac_request_keys",
    "audit_non_hmac_response_keys",
    "backup",
    "batch_input",
    "bound_cidr_list",
    "bound_cidrs",
    "ca_file",
    "ca_path",
    "certificate_chain",
    "cidr_list",
    "code",
    "config",
    "context",
    "convergent_encryption",
    "csr",
    "custom_metadata",
    "data",
    "default_lease_ttl",
    "derived_key_type",
    "description",
    "display_name",
    "dr_operation_token",
    "drsecondarycode",
    "activecode",
    "standbycode",
    "performancestandbycode",
    "sealedcode",
    "uninitcode",
    "removedcode",
    "haunhealthycode",
    "standbyok",
    "perfstandbyok",
    "encoded_token",
    "expiration",
    "file_prefix",
    "format",
    "hash",
    "hash_algorithm",
    "hash_function",
    "header",
    "hmac",
    "include_child_namespaces",
    "input",
    "issuer",
    "key",
    "key_derivation_algorithm",
    "keys",
    "leader_api_addr",
    "leader_ca_cert",
    "leader_client_cert",
    "leader_client_key",
    "leader_tls_servername",
    "level",
    "limit",
    "list",
    "listing_visibility",
    "log_format",
    "log_level",
    "marshaling_algorithm",
    "max_lease_ttl",
    "meta",
    "metadata",
    "multivalue",
    "nonce",
    "operation",
    "options",
    "otp",
    "parameters",
    "passthrough_request_headers",
    "password",
    "password_hash",
    "path_prefix",
    "path_suffix",
    "peer_public_key",
    "pgp_key",
    "pgp_keys",
    "plaintext",
    "plugin",
    "plugin_name",
    "plugin_version",
    "policy",
    "primary_api_addr",
    "primary_cluster_addr",
    "public_key",
    "rate_limit_exempt_paths",
    "recovery_pgp_keys",
    "root_token_pgp_key",
    "rules",
    "salt_length",
    "scan",
    "seal",
    "secondary_public_key",
    "secret_id_bound_cidrs",
    "server_id",
    "signature",
    "signature_algorithm",
    "source",
    "storage_type",
    "token_bound_cidrs",
    "token_type",
    "type",
    "unlock_key",
    "update_primary_addrs",
    "url",
    "urlalgorithm",
    "urlbytes",
    "user_lockout_config",
    "values",
    "version",
    "versions",
    "depth",
    "generic_mount_paths",
    "operations",
];

/// What a name in a path, a body or a query names: `None` if nobody has said so, `Some(None)` if nothing of a tenant.
pub fn meant(template: &str, name: &str) -> Option<Option<Thing>> {
    let at = |prefix: &str| template.starts_with(prefix);
    let thing = match name {
        "path" if at("/sys/namespaces/") => Thing::Namespace,
        "path" if at("/sys/mounts/") || at("/sys/internal/ui/mounts/") => Thing::Mount,
        "path" if at("/sys/auth/") => Thing::Login,
        "path" if at("/sys/quotas/") || at("/sys/audit") => return Some(None),
        "path" | "paths" | "to" if !at("/sys/remount") => Thing::Secret,
        "from" | "to" | "to_mount" | "mounts" => Thing::Mount,
        "destination" => Thing::Key,
        "source" if at("/transit/byok-export/") => Thing::Key,
        "base_key_name" => Thing::Key,
        "name" if at("/transit/") || at("/totp/") => Thing::Key,
        "name" if at("/sys/policies/password/") => Thing::Words,
        "name" if at("/sys/polic") => Thing::Policy,
        "name" if at("/sys/quotas/") => Thing::Quota,
        "method_id" | "mfa_method_ids" => Thing::MfaMethod,
        "name" if at("/identity/mfa/") => Thing::Enforcement,
        "mfa_request_id" => Thing::WaitingLogin,
        "auth_method_accessors" => Thing::MountAccessor,
        "identity_entity_ids" => Thing::EntityId,
        "identity_group_ids" => Thing::GroupId,
        "name" | "key" | "assignments" | "scopes_supported" if at("/identity/oidc/") => Thing::Oidc,
        "client_id" | "allowed_client_id" | "allowed_client_ids" => Thing::ClientId,
        "name" if at("/identity/group-alias") => Thing::GroupAlias,
        "name" if at("/identity/group") || at("/identity/lookup/group") => Thing::Group,
        "name" if at("/identity/alias") || at("/identity/entity-alias") => Thing::User,
        "name" if at("/identity/") => Thing::Entity,
        // Of loggers, seals, plugins and backups: the root's.
        "name" if at("/sys/") => return Some(None),
        "id" if at("/identity/group-alias") => Thing::GroupAliasId,
        "id" if at("/identity/group") || at("/identity/lookup/group") => Thing::GroupId,
        "id" if at("/identity/alias") || at("/identity/entity-alias") => Thing::AliasId,
        "id" if at("/identity/") => Thing::EntityId,
        "id" if at("/sys/policy/explain/") => Thing::Denial,
        // A token's, to be chosen; a secondary's.
        "id" if at("/auth/token/create") || at("/sys/replication/") => return Some(None),
        "alias_id" if at("/identity/lookup/group") => Thing::GroupAliasId,
        "alias_name" if at("/identity/lookup/group") => Thing::GroupAlias,
        "alias_id" => Thing::AliasId,
        "alias_name" | "alias_identifier" | "username" | "entity_alias" | "allowed_entity_aliases" => Thing::User,
        "mount_accessor" | "alias_mount_accessor" => Thing::MountAccessor,
        "canonical_id" if at("/identity/group-alias") => Thing::GroupId,
        "canonical_id" | "entity_id" | "entity_ids" | "from_entity_ids" | "to_entity_id" | "member_entity_ids" => {
            Thing::EntityId
        }
        "conflicting_alias_ids_to_keep" => Thing::AliasId,
        "member_group_ids" | "group_ids" => Thing::GroupId,
        "policies"
        | "token_policies"
        | "allowed_policies"
        | "allowed_policies_glob"
        | "disallowed_policies"
        | "disallowed_policies_glob" => Thing::Policy,
        // Whoever has a wrapping token may have what it holds: a case of its own.
        "token" if at("/sys/wrapping/") => Thing::Token,
        "token" => Thing::Token,
        "accessor" => Thing::Accessor,
        "lease_id" | "prefix" => Thing::Lease,
        "role_name" if at("/auth/token/") => Thing::TokenRole,
        "role_name" => Thing::Role,
        "role" if at("/sys/quotas/") => return Some(None),
        "role_id" => Thing::RoleId,
        "secret_id" => Thing::SecretId,
        "secret_id_accessor" => Thing::SecretIdAccessor,
        "migration_id" => Thing::Migration,
        "ciphertext" => Thing::Ciphertext,
        // Numbers and truths have no names in them.
        other => return PLAIN.contains(&other).then_some(None),
    };
    Some(Some(thing))
}

/// The text in the place of a name in a path.
pub fn what_is_meant(template: &str, name: &str, of: &BTreeMap<Thing, String>) -> String {
    meant(template, name).flatten().map_or_else(|| "x".to_owned(), |thing| of[&thing].clone())
}

/// What a body needs besides, so that the call gets as far as to what it names.
pub fn besides(template: &str, of: &BTreeMap<Thing, String>) -> Map<String, Value> {
    let more = match template {
        "/sys/policies/acl/{name}" | "/sys/policy/{name}" => {
            json!({"policy": "path \"x\" { capabilities = [\"read\"] }"})
        }
        "/sys/policies/password/{name}" => json!({"policy": "length = 20\nrule \"charset\" { charset = \"abcde\" }"}),
        "/sys/mounts/{path}" => json!({"type": "kv"}),
        "/sys/auth/{path}" => json!({"type": "userpass"}),
        "/sys/policy/explain" => json!({"path": "kv/x", "operation": "read"}),
        "/auth/userpass/login/{username}" | "/auth/userpass/users/{username}" => json!({"password": "pw-of-alpha"}),
        "/auth/userpass/users/{username}/password" => json!({"password": "another"}),
        "/kv/{path}" | "/cubbyhole/{path}" => json!({"v": "x"}),
        "/sys/namespaces/{path}/unseal" => json!({"key": "00"}),
        "/sys/capabilities" => json!({"paths": ["kv/x"]}),
        "/sys/capabilities-accessor" => json!({"paths": ["kv/x"]}),
        "/sys/batch" => json!({"operations": [
            {"operation": "read", "path": format!("kv/{}", of[&Thing::Secret])},
            {"operation": "update", "path": format!("kv/{}", of[&Thing::Secret]), "data": {"v": "x"}},
            {"operation": "read", "path": format!("{}/kv/x", of[&Thing::Namespace])},
        ]}),
        "/transit/encrypt/{name}" => json!({"plaintext": "eA=="}),
        _ => json!({}),
    };
    more.as_object().cloned().unwrap_or_default()
}

/// What whoever may do all in the tenant's own namespace finds by these names.
pub fn known_at_home(of: &BTreeMap<Thing, String>) -> Vec<(String, Value)> {
    let role = |path: &str| format!("auth/approle/role/{}/{path}", of[&Thing::Role]);
    vec![
        ("auth/token/lookup".into(), json!({"token": of[&Thing::Token]})),
        ("auth/token/lookup-accessor".into(), json!({"accessor": of[&Thing::Accessor]})),
        ("sys/capabilities-accessor".into(), json!({"accessor": of[&Thing::Accessor], "paths": ["kv/x"]})),
        ("sys/leases/lookup".into(), json!({"lease_id": of[&Thing::Lease]})),
        ("sys/wrapping/lookup".into(), json!({"token": of[&Thing::Wrapped]})),
        ("identity/lookup/entity".into(), json!({"id": of[&Thing::EntityId]})),
        ("identity/lookup/entity".into(), json!({"alias_id": of[&Thing::AliasId]})),
        ("identity/lookup/group".into(), json!({"id": of[&Thing::GroupId]})),
        ("identity/lookup/group".into(), json!({"alias_id": of[&Thing::GroupAliasId]})),
        (role("secret-id/lookup"), json!({"secret_id": of[&Thing::SecretId]})),
        (role("secret-id-accessor/lookup"), json!({"secret_id_accessor": of[&Thing::SecretIdAccessor]})),
        (format!("transit/decrypt/{}", of[&Thing::Key]), json!({"ciphertext": of[&Thing::Ciphertext]})),
    ]
}

/// Makes one of each. `admin` may do all in the namespace, `stranger` has no token.
pub async fn make(admin: &Client, stranger: &Client, tenant: &str) -> BTreeMap<Thing, String> {
    let only = if tenant == "alpha" { ONLY.to_owned() } else { format!("of-{tenant}") };
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned();
    let name = |what: &str| format!("{tenant}-{what}");
    let post = async |path: String, body: Value| admin.post(&format!("/v1/{path}"), body).await.ok();
    let mut of = BTreeMap::new();

    let all = "path \"*\" { capabilities = [\"create\", \"read\", \"update\", \"patch\", \"delete\", \"list\", \"scan\", \"sudo\"] }";
    post("sys/policies/acl/admin".into(), json!({"policy": all})).await;
    let inner = name("inner");
    post(format!("sys/namespaces/{inner}"), json!({"custom_metadata": {"note": only}})).await;
    of.insert(Thing::Namespace, inner);
    for (thing, path, body) in [
        (Thing::Mount, "sys/mounts", json!({"type": "kv", "description": only})),
        (Thing::Login, "sys/auth", json!({"type": "userpass", "description": only})),
        (
            Thing::Policy,
            "sys/policies/acl",
            json!({"policy": format!("# {only}\npath \"x\" {{ capabilities = [\"read\"] }}")}),
        ),
        (
            Thing::Words,
            "sys/policies/password",
            json!({"policy": format!("length = 20\nrule \"charset\" {{ charset = \"{only}\" }}")}),
        ),
        (Thing::TokenRole, "auth/token/roles", json!({"path_suffix": only, "allowed_policies": ["admin"]})),
        (Thing::Role, "auth/approle/role", json!({"token_policies": ["admin", only]})),
        (Thing::User, "auth/userpass/users", json!({"password": "pw-of-alpha", "token_policies": [only]})),
        (Thing::Secret, "kv", json!({"v": only})),
        (Thing::Secret, "cubbyhole", json!({"v": only})),
        (Thing::Key, "transit/keys", json!({"exportable": true})),
        (Thing::Key, "totp/keys", json!({"generate": true, "issuer": "x", "account_name": only})),
    ] {
        let called = name(&format!("{thing:?}").to_lowercase());
        post(format!("{path}/{called}"), body).await;
        of.insert(thing, called);
    }
    // Made when somebody reads it first.
    admin.get("/v1/transit/wrapping_key").await.ok();
    // The root's alone, by a name that nobody has.
    of.insert(Thing::Quota, name("quota"));
    let sealed = post(format!("transit/encrypt/{}", of[&Thing::Key]), json!({"plaintext": "eA=="})).await;
    of.insert(Thing::Ciphertext, text(&sealed["data"]["ciphertext"]));
    let mounts = admin.get("/v1/sys/auth").await.ok();
    of.insert(Thing::MountAccessor, text(&mounts["data"]["userpass/"]["accessor"]));

    let made =
        post("auth/token/create-orphan".into(), json!({"policies": ["admin"], "ttl": "4h", "meta": {"note": only}}))
            .await;
    of.insert(Thing::Token, text(&made["auth"]["client_token"]));
    of.insert(Thing::Accessor, text(&made["auth"]["accessor"]));
    let leases = admin.list("/v1/sys/leases/lookup/auth/token/create-orphan").await.ok();
    of.insert(Thing::Lease, format!("auth/token/create-orphan/{}", text(&leases["data"]["keys"][0])));
    let wrapping = admin.with_header("X-Vault-Wrap-TTL", "4h");
    let wrapped = wrapping.post("/v1/sys/wrapping/wrap", json!({"v": only})).await.ok();
    of.insert(Thing::Wrapped, text(&wrapped["wrap_info"]["token"]));

    let role = admin.get(&format!("/v1/auth/approle/role/{}/role-id", of[&Thing::Role])).await.ok();
    of.insert(Thing::RoleId, text(&role["data"]["role_id"]));
    let secret = post(format!("auth/approle/role/{}/secret-id", of[&Thing::Role]), json!({})).await;
    of.insert(Thing::SecretId, text(&secret["data"]["secret_id"]));
    of.insert(Thing::SecretIdAccessor, text(&secret["data"]["secret_id_accessor"]));

    let metadata = json!({"note": only});
    let entity = name("entity");
    let made =
        post("identity/entity".into(), json!({"name": entity, "metadata": metadata, "policies": ["admin"]})).await;
    of.insert(Thing::Entity, entity);
    of.insert(Thing::EntityId, text(&made["data"]["id"]));
    let alias = json!({"name": of[&Thing::User], "canonical_id": of[&Thing::EntityId], "mount_accessor": of[&Thing::MountAccessor]});
    let made = post("identity/entity-alias".into(), alias).await;
    of.insert(Thing::AliasId, text(&made["data"]["id"]));
    let group = name("group");
    let members = json!({"name": group, "metadata": metadata, "policies": ["admin"], "member_entity_ids": [of[&Thing::EntityId]]});
    let made = post("identity/group".into(), members).await;
    of.insert(Thing::Group, group);
    of.insert(Thing::GroupId, text(&made["data"]["id"]));
    let external =
        post("identity/group".into(), json!({"name": name("external"), "type": "external", "metadata": metadata}))
            .await;
    let outside = name("groupalias");
    let alias =
        json!({"name": outside, "canonical_id": external["data"]["id"], "mount_accessor": of[&Thing::MountAccessor]});
    let made = post("identity/group-alias".into(), alias).await;
    of.insert(Thing::GroupAlias, outside);
    of.insert(Thing::GroupAliasId, text(&made["data"]["id"]));

    let oidc = name("oidc");
    for (kind, body) in [
        ("key", json!({"allowed_client_ids": ["*"]})),
        ("role", json!({"key": oidc})),
        ("scope", json!({"template": "{}", "description": only})),
        ("assignment", json!({"entity_ids": [of[&Thing::EntityId]], "group_ids": [of[&Thing::GroupId]]})),
        ("client", json!({"key": oidc, "assignments": [oidc], "redirect_uris": ["https://x"]})),
        ("provider", json!({"allowed_client_ids": ["*"], "scopes_supported": [oidc]})),
    ] {
        post(format!("identity/oidc/{kind}/{oidc}"), body).await;
    }
    let client = admin.get(&format!("/v1/identity/oidc/client/{oidc}")).await.ok();
    of.insert(Thing::ClientId, text(&client["data"]["client_id"]));
    of.insert(Thing::Oidc, oidc);

    let made = post("identity/mfa/method/totp".into(), json!({"issuer": only})).await;
    of.insert(Thing::MfaMethod, text(&made["data"]["method_id"]));
    let enforcement = name("enforcement");
    // Of nobody who logs in here.
    let external = &external["data"]["id"];
    let enforced = json!({"mfa_method_ids": [of[&Thing::MfaMethod]], "identity_group_ids": [external]});
    post(format!("identity/mfa/login-enforcement/{enforcement}"), enforced).await;
    of.insert(Thing::Enforcement, enforcement);

    let guarded = name("guarded");
    post(format!("sys/auth/{guarded}"), json!({"type": "userpass"})).await;
    post(format!("auth/{guarded}/users/u"), json!({"password": "p"})).await;
    let mount = admin.get(&format!("/v1/sys/auth/{guarded}")).await.ok();
    let enforced =
        json!({"mfa_method_ids": [of[&Thing::MfaMethod]], "auth_method_accessors": [mount["data"]["accessor"]]});
    post(format!("identity/mfa/login-enforcement/{guarded}"), enforced).await;
    let waits = stranger.post(&format!("/v1/auth/{guarded}/login/u"), json!({"password": "p"})).await.ok();
    of.insert(Thing::WaitingLogin, text(&waits["auth"]["mfa_requirement"]["mfa_request_id"]));

    post(format!("sys/mounts/{}", name("moving")), json!({"type": "kv"})).await;
    let moved = post("sys/remount".into(), json!({"from": name("moving"), "to": name("moved")})).await;
    of.insert(Thing::Migration, text(&moved["data"]["migration_id"]));
    let poor = post("auth/token/create-orphan".into(), json!({"policies": [only], "no_default_policy": true})).await;
    let denied = stranger.with_token(&text(&poor["auth"]["client_token"])).get("/v1/sys/mounts").await;
    of.insert(Thing::Denial, text(&denied.body["request_id"]));
    of
}

/// The same of nobody: of the same forms.
pub fn of_nobody(of: &BTreeMap<Thing, String>) -> BTreeMap<Thing, String> {
    of.iter().map(|(thing, text)| (*thing, missing(*thing, text))).collect()
}

fn missing(thing: Thing, text: &str) -> String {
    let turned = |text: &str| -> String {
        let turn = |c: char| match c {
            '0'..='8' | 'a'..='e' => char::from_u32(c as u32 + 1).unwrap(),
            '9' => '0',
            'f' => 'a',
            other => other,
        };
        text.chars().map(turn).collect()
    };
    match thing {
        Thing::Token | Thing::Wrapped | Thing::Accessor => {
            let (own, home) = text.rsplit_once('.').unwrap();
            let own: String = own.chars().rev().collect();
            // A token goes on beginning as tokens do.
            let own = own.strip_suffix(".s").map_or(own.clone(), |rest| format!("s.{rest}"));
            format!("{own}.{home}")
        }
        Thing::Lease => format!("{}/h{}", text.rsplit_once('/').unwrap().0, "0123".repeat(16)),
        Thing::MountAccessor => {
            let (kind, number) = text.rsplit_once('_').unwrap();
            format!("{kind}_{}", turned(number))
        }
        Thing::Ciphertext => {
            let (version, sealed) = text.rsplit_once(':').unwrap();
            let sealed: String = sealed.trim_end_matches('=').chars().rev().collect();
            let padding = "=".repeat((4 - sealed.len() % 4) % 4);
            format!("{version}:{sealed}{padding}")
        }
        _ if text.starts_with("alpha-") => text.replacen("alpha-", "never-", 1),
        _ => turned(text),
    }
}
