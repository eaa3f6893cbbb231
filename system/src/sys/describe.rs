//! How a mount reads back.

use holdfast_core::mount::{Mount, Table, UserLockout};
use sdk::{Map, MountInfo, Value, json};

/// What stands for the version of a plugin that is built in.
pub const BUILTIN_VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"), "+builtin.holdfast");

pub fn mount(mount: &Mount) -> Value {
    let mut config = lists(mount);
    config.insert("default_lease_ttl".into(), json!(mount.config.default_lease_ttl));
    config.insert("max_lease_ttl".into(), json!(mount.config.max_lease_ttl));
    config.insert("force_no_cache".into(), json!(mount.config.force_no_cache));
    if let Some(lockout) = &mount.config.user_lockout {
        config.insert("user_lockout_config".into(), Value::Object(user_lockout(lockout)));
    }
    let mut out = json!({
        "accessor": mount.accessor,
        "config": config,
        "description": mount.description,
        "external_entropy_access": mount.external_entropy_access,
        "local": mount.local,
        "options": mount.options,
        "plugin_version": "",
        "running_plugin_version": BUILTIN_VERSION,
        "running_sha256": "",
        "seal_wrap": mount.seal_wrap,
        "type": mount.type_name,
        "uuid": mount.uuid,
    });
    if !mount.is_builtin() {
        out["deprecation_status"] = json!("supported");
    }
    out
}

/// As much as somebody without a token may know of a mount that is listed for everybody.
pub fn to_strangers(mount: &Mount) -> Value {
    json!({"description": mount.description, "options": mount.options, "type": mount.type_name})
}

/// `tune`: the limits are the effective ones.
pub fn tuned(mount: &Mount, info: &MountInfo) -> Value {
    let mut out = lists(mount);
    out.insert("description".into(), json!(mount.description));
    out.insert("default_lease_ttl".into(), json!(info.default_lease_ttl.as_secs()));
    out.insert("max_lease_ttl".into(), json!(info.max_lease_ttl.as_secs()));
    out.insert("force_no_cache".into(), json!(mount.config.force_no_cache));
    if let Some(options) = mount.options.as_ref().filter(|o| !o.is_empty()) {
        out.insert("options".into(), json!(options));
    }
    if let Some(lockout) = &mount.config.user_lockout {
        out.extend(user_lockout(lockout));
    }
    Value::Object(out)
}

fn user_lockout(lockout: &UserLockout) -> Map<String, Value> {
    [
        ("user_lockout_threshold", json!(lockout.threshold)),
        ("user_lockout_duration", json!(lockout.duration)),
        ("user_lockout_counter_reset_duration", json!(lockout.counter_reset)),
        ("user_lockout_disable", json!(lockout.disable)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// What shows only once it was set; but the type of its tokens, which every auth mount has.
fn lists(mount: &Mount) -> Map<String, Value> {
    let config = &mount.config;
    let mut out = Map::new();
    for (name, list) in [
        ("audit_non_hmac_request_keys", &config.audit_non_hmac_request_keys),
        ("audit_non_hmac_response_keys", &config.audit_non_hmac_response_keys),
        ("passthrough_request_headers", &config.passthrough_request_headers),
        ("allowed_response_headers", &config.allowed_response_headers),
    ] {
        if let Some(list) = list {
            out.insert(name.into(), json!(list));
        }
    }
    if let Some(text) = &config.listing_visibility {
        out.insert("listing_visibility".into(), json!(text));
    }
    if mount.table == Table::Auth {
        out.insert("token_type".into(), json!(config.token_type.as_deref().unwrap_or("default-service")));
    }
    out
}
