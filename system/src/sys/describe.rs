//! How a mount reads back.

use std::collections::BTreeMap;

use holdfast_core::mount::{Mount, Table, UserLockout};
use schemars::JsonSchema;
use sdk::{MountInfo, Namespace};
use serde::Serialize;

/// What stands for the version of a plugin that is built in.
pub const BUILTIN_VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"), "+builtin.holdfast");

#[derive(Serialize, JsonSchema)]
pub struct Shown {
    accessor: String,
    config: Config,
    description: String,
    external_entropy_access: bool,
    local: bool,
    options: Option<BTreeMap<String, String>>,
    plugin_version: &'static str,
    running_plugin_version: &'static str,
    running_sha256: &'static str,
    seal_wrap: bool,
    #[serde(rename = "type")]
    kind: String,
    uuid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    deprecation_status: Option<&'static str>,
}

#[derive(Serialize, JsonSchema)]
struct Config {
    #[serde(flatten)]
    lists: Lists,
    /// In seconds; 0 leaves it to the server.
    default_lease_ttl: u64,
    /// In seconds; 0 leaves it to the server.
    max_lease_ttl: u64,
    force_no_cache: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_lockout_config: Option<Lockout>,
}

/// As much as somebody without a token may know of a mount that is listed for everybody.
#[derive(Serialize, JsonSchema)]
pub struct ForStrangers {
    description: String,
    options: Option<BTreeMap<String, String>>,
    #[serde(rename = "type")]
    kind: String,
}

/// `tune`: the limits are the effective ones.
#[derive(Serialize, JsonSchema)]
pub struct Tuned {
    #[serde(flatten)]
    lists: Lists,
    description: String,
    /// In seconds.
    default_lease_ttl: u64,
    /// In seconds.
    max_lease_ttl: u64,
    force_no_cache: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<BTreeMap<String, String>>,
    #[serde(flatten)]
    lockout: Option<Lockout>,
}

/// Spans are in seconds.
#[derive(Serialize, JsonSchema)]
struct Lockout {
    user_lockout_threshold: u64,
    user_lockout_duration: u64,
    user_lockout_counter_reset_duration: u64,
    user_lockout_disable: bool,
}

/// What shows only once it was set; but the type of its tokens, which every auth mount has.
#[derive(Serialize, JsonSchema)]
struct Lists {
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_non_hmac_request_keys: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_non_hmac_response_keys: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    passthrough_request_headers: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_response_headers: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    listing_visibility: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<String>,
}

/// The kinds that every namespace has are called otherwise outside the root.
fn kind(namespace: &Namespace, mount: &Mount) -> String {
    let other = mount.is_builtin() && !namespace.is_root();
    format!("{}{}", if other { "ns_" } else { "" }, mount.type_name)
}

pub fn mount(namespace: &Namespace, mount: &Mount) -> Shown {
    Shown {
        accessor: mount.accessor.clone(),
        config: Config {
            lists: lists(namespace, mount),
            default_lease_ttl: mount.config.default_lease_ttl,
            max_lease_ttl: mount.config.max_lease_ttl,
            force_no_cache: mount.config.force_no_cache,
            user_lockout_config: mount.config.user_lockout.as_ref().map(lockout),
        },
        description: mount.description.clone(),
        external_entropy_access: mount.external_entropy_access,
        local: mount.local,
        options: mount.options.clone(),
        plugin_version: "",
        running_plugin_version: BUILTIN_VERSION,
        running_sha256: "",
        seal_wrap: mount.seal_wrap,
        kind: kind(namespace, mount),
        uuid: mount.uuid.clone(),
        deprecation_status: (!mount.is_builtin()).then_some("supported"),
    }
}

pub fn to_strangers(mount: &Mount) -> ForStrangers {
    ForStrangers {
        description: mount.description.clone(),
        options: mount.options.clone(),
        kind: mount.type_name.clone(),
    }
}

pub fn tuned(namespace: &Namespace, mount: &Mount, info: &MountInfo) -> Tuned {
    Tuned {
        lists: lists(namespace, mount),
        description: mount.description.clone(),
        default_lease_ttl: info.default_lease_ttl.as_secs(),
        max_lease_ttl: info.max_lease_ttl.as_secs(),
        force_no_cache: mount.config.force_no_cache,
        options: mount.options.clone().filter(|options| !options.is_empty()),
        lockout: mount.config.user_lockout.as_ref().map(lockout),
    }
}

fn lockout(lockout: &UserLockout) -> Lockout {
    Lockout {
        user_lockout_threshold: lockout.threshold,
        user_lockout_duration: lockout.duration,
        user_lockout_counter_reset_duration: lockout.counter_reset,
        user_lockout_disable: lockout.disable,
    }
}

fn lists(namespace: &Namespace, mount: &Mount) -> Lists {
    let config = &mount.config;
    let other = mount.is_builtin() && !namespace.is_root();
    let usual = if other { "default" } else { "default-service" };
    let default = || (mount.table == Table::Auth).then(|| usual.to_owned());
    Lists {
        audit_non_hmac_request_keys: config.audit_non_hmac_request_keys.clone(),
        audit_non_hmac_response_keys: config.audit_non_hmac_response_keys.clone(),
        passthrough_request_headers: config.passthrough_request_headers.clone(),
        allowed_response_headers: config.allowed_response_headers.clone(),
        listing_visibility: config.listing_visibility.clone(),
        token_type: config.token_type.clone().filter(|_| mount.table == Table::Auth).or_else(default),
    }
}
