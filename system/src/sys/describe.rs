//! How a mount reads back.

use holdfast_core::mount::Mount;
use sdk::{Map, MountInfo, Value, json};

pub fn mount(mount: &Mount) -> Value {
    let mut config = lists(mount);
    config.insert("default_lease_ttl".into(), json!(mount.config.default_lease_ttl));
    config.insert("max_lease_ttl".into(), json!(mount.config.max_lease_ttl));
    config.insert("force_no_cache".into(), json!(mount.config.force_no_cache));
    let mut out = json!({
        "accessor": mount.accessor,
        "config": config,
        "description": mount.description,
        "external_entropy_access": mount.external_entropy_access,
        "local": mount.local,
        "options": mount.options,
        "plugin_version": "",
        "running_plugin_version": concat!("v", env!("CARGO_PKG_VERSION"), "+builtin.holdfast"),
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
    Value::Object(out)
}

/// What shows only once it was set.
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
    for (name, text) in [("listing_visibility", &config.listing_visibility), ("token_type", &config.token_type)] {
        if let Some(text) = text {
            out.insert(name.into(), json!(text));
        }
    }
    out
}
