//! `sys/`, as far as it takes a token. What a node answers for itself is in [`crate::node`].

mod audit;
mod audit_hash;
mod auth;
mod auth_tune;
mod batch;
mod capabilities;
mod ceremony;
mod config_auditing_request_headers;
mod config_cors;
mod config_state_sanitized;
mod config_ui_headers;
mod decode_token;
mod describe;
mod generate_root_attempt;
mod generate_root_update;
mod ha_status;
mod host_info;
mod in_flight_req;
mod internal_counters_entities;
mod internal_counters_requests;
mod internal_counters_tokens;
mod internal_specs_openapi;
mod internal_ui_mounts;
mod internal_ui_namespaces;
mod internal_ui_resultant_acl;
mod key_status;
mod leases;
mod leases_lookup;
mod leases_renew;
mod leases_revoke;
mod leases_revoke_prefix;
mod leases_tidy;
mod locked_users;
mod locked_users_unlock;
mod loggers;
mod metrics;
mod mfa_validate;
mod monitor;
mod mount_config;
mod mounts;
mod mounts_tune;
mod namespaces;
mod namespaces_api_lock;
mod namespaces_key_service;
mod namespaces_rotate;
mod namespaces_seal;
mod namespaces_seal_config;
mod once;
mod plugins_catalog;
mod plugins_reload_backend;
mod policies_acl;
mod policies_password;
mod policies_password_generate;
mod policy;
mod policy_explain;
mod quota_scope;
mod quotas_config;
mod quotas_lease_count;
mod quotas_rate_limit;
mod raft_autopilot_configuration;
mod raft_autopilot_state;
mod raft_configuration;
mod raft_member;
mod raft_snapshot;
mod raft_snapshot_auto;
mod rekey_backup;
mod rekey_init;
mod rekey_update;
mod rekey_verify;
mod remount;
mod remount_status;
mod replication;
mod replication_operation_token;
mod replication_performance;
mod replication_primary;
mod replication_public_key;
mod replication_recover;
mod replication_secondary;
mod replication_secondary_token;
mod replication_status;
mod rotate;
mod rotate_config;
mod seal;
mod seals;
mod step_down;
mod tools_hash;
mod version_history;
mod wrapping_lookup;
mod wrapping_rewrap;
mod wrapping_unwrap;
mod wrapping_wrap;

use std::sync::{Arc, OnceLock};

use holdfast_core::catalog::Catalog;
use holdfast_core::lifecycle::{ChangeError, Node, ShareKind};
use holdfast_core::mount::MountError;
use holdfast_core::policies::PolicyRefused;
use sdk::{Backend, Failure, MountInfo, Plugin, PluginKind, Verb};

use crate::measures::Measures;
use crate::node::lies_in;
use ceremony::Form;

/// What a listener may let in without a token, by the names of the configuration.
pub const REKEY: &str = "rekey";
pub const GENERATE_ROOT: &str = "generate-root";

pub struct Sys(Backend);

impl Sys {
    /// `mountable` are the plugins that users may mount, `all` will be every plugin.
    pub fn new(
        node: &Arc<Node>,
        mountable: Arc<Catalog>,
        all: &Arc<OnceLock<Catalog>>,
        measures: &Arc<dyn Measures>,
    ) -> Self {
        let mut paths = vec![
            audit::list(node),
            audit::one(node),
            audit_hash::path(node),
            auth::list(node),
            auth_tune::path(node, &mountable),
            auth::one(node, &mountable),
            batch::path(),
            metrics::path(measures),
            mfa_validate::path(),
            monitor::path(measures),
            namespaces::list(node),
            mounts::list(node),
            mounts_tune::path(node, &mountable),
            mounts::one(node, &mountable),
            config_auditing_request_headers::all(),
            config_auditing_request_headers::one(node),
            config_cors::path(),
            config_ui_headers::list(),
            config_ui_headers::one(measures),
            internal_specs_openapi::path(node, all),
            internal_ui_mounts::all(node),
            internal_ui_mounts::one(node),
            internal_ui_namespaces::path(node),
            internal_ui_resultant_acl::path(node),
            internal_counters_tokens::path(node),
            ha_status::path(node),
            leases::list(),
            leases::count(),
            leases_tidy::path(),
            leases_lookup::one(node),
            leases_lookup::below(node),
            remount::path(node),
            remount_status::path(node),
            policies_acl::list(node),
            policies_acl::detailed(node),
            policies_acl::one(node),
            policy::list(node),
            policy::one(node),
            raft_autopilot_configuration::path(node),
            raft_autopilot_state::path(node),
            raft_configuration::path(node),
            raft_member::demote(node),
            raft_member::promote(node),
            raft_member::remove(node),
            raft_snapshot::path(node),
            raft_snapshot::force(node),
            raft_snapshot_auto::list(),
            raft_snapshot_auto::one(node),
            raft_snapshot_auto::status(),
            key_status::path(node),
            generate_root_attempt::path(node, "generate-root/attempt/?", Form::Bare).open_by(GENERATE_ROOT).ids([
                (Verb::Read, "root-token-generation-read-progress"),
                (Verb::Write, "root-token-generation-initialize"),
                (Verb::Delete, "root-token-generation-cancel"),
            ]),
            generate_root_update::path(node, "generate-root/update", Form::Bare)
                .open_by(GENERATE_ROOT)
                .ids([(Verb::Write, "root-token-generation-update")]),
            generate_root_attempt::path(node, "generate-root-token/attempt", Form::Enveloped),
            generate_root_update::path(node, "generate-root-token/update", Form::Enveloped)
                .ids([(Verb::Write, "update-generation-attempt-root-token")]),
            decode_token::path(),
            rekey_init::path(node, "rekey/init/?", ShareKind::Unseal, Form::Bare).open_by(REKEY).ids([
                (Verb::Read, "rekey-attempt-read-progress"),
                (Verb::Write, "rekey-attempt-initialize"),
                (Verb::Delete, "rekey-attempt-cancel"),
            ]),
            rekey_update::path(node, "rekey/update", ShareKind::Unseal, Form::Bare)
                .open_by(REKEY)
                .ids([(Verb::Write, "rekey-attempt-update")]),
            rekey_verify::path(node, "rekey/verify", ShareKind::Unseal, Form::Bare).open_by(REKEY).ids([
                (Verb::Read, "rekey-verification-read-progress"),
                (Verb::Write, "rekey-verification-update"),
                (Verb::Delete, "rekey-verification-cancel"),
            ]),
            rekey_backup::path(node, "rekey/backup")
                .ids([(Verb::Read, "rekey-read-backup-key"), (Verb::Delete, "rekey-delete-backup-key")]),
            rekey_init::path(node, "rekey-recovery-key/init/?", ShareKind::Recovery, Form::Bare).open_by(REKEY),
            rekey_update::path(node, "rekey-recovery-key/update", ShareKind::Recovery, Form::Bare).open_by(REKEY),
            rekey_verify::path(node, "rekey-recovery-key/verify", ShareKind::Recovery, Form::Bare).open_by(REKEY),
            rekey_backup::path(node, "rekey/recovery-key-backup").ids([
                (Verb::Read, "rekey-read-backup-recovery-key"),
                (Verb::Delete, "rekey-delete-backup-recovery-key"),
            ]),
            rekey_init::path(node, "rotate/root/init", ShareKind::Unseal, Form::Enveloped).ids([
                (Verb::Read, "rotate-attempt-read-progress"),
                (Verb::Write, "rotate-attempt-initialize"),
                (Verb::Delete, "rotate-attempt-cancel"),
            ]),
            rekey_update::path(node, "rotate/root/update", ShareKind::Unseal, Form::Enveloped)
                .ids([(Verb::Write, "rotate-attempt-update")]),
            rekey_verify::path(node, "rotate/root/verify", ShareKind::Unseal, Form::Enveloped).ids([
                (Verb::Read, "rotate-verification-read-progress"),
                (Verb::Write, "rotate-verification-update"),
                (Verb::Delete, "rotate-verification-cancel"),
            ]),
            rekey_backup::path(node, "rotate/root/backup")
                .ids([(Verb::Read, "rotate-read-backup-key"), (Verb::Delete, "rotate-delete-backup-key")]),
            rekey_init::path(node, "rotate/recovery/init", ShareKind::Recovery, Form::Enveloped).ids([
                (Verb::Read, "rotate-attempt-read-rotate-recovery-init"),
                (Verb::Write, "rotate-attempt-initialize-rotate-recovery-init"),
                (Verb::Delete, "rotate-attempt-cancel-rotate-recovery-init"),
            ]),
            rekey_update::path(node, "rotate/recovery/update", ShareKind::Recovery, Form::Enveloped)
                .ids([(Verb::Write, "rotate-attempt-update-rotate-recovery-update")]),
            rekey_verify::path(node, "rotate/recovery/verify", ShareKind::Recovery, Form::Enveloped).ids([
                (Verb::Read, "rotate-verification-read-rotate-recovery-verify"),
                (Verb::Write, "rotate-verification-update-rotate-recovery-verify"),
                (Verb::Delete, "rotate-verification-cancel-rotate-recovery-verify"),
            ]),
            rekey_backup::path(node, "rotate/recovery/backup").ids([
                (Verb::Read, "rotate-read-rotate-recovery-backup"),
                (Verb::Delete, "rotate-delete-rotate-recovery-backup"),
            ]),
            rotate_config::path("rotate/config")
                .ids([(Verb::Read, "read-encryption-key-config"), (Verb::Write, "configure-encryption-key-config")]),
            rotate_config::path("rotate/keyring/config")
                .ids([(Verb::Read, "read-rotate-keyring-config"), (Verb::Write, "configure-rotate-keyring-config")]),
            rotate::path(node, "rotate/keyring").ids([(Verb::Write, "rotate-rotate-keyring")]),
            rotate::path(node, "rotate").ids([(Verb::Write, "rotate-encryption-key")]),
            seal::path(node),
            seals::all(node),
            seals::one(node),
            step_down::path(node),
            config_state_sanitized::path(measures),
            host_info::path(measures),
            in_flight_req::path(node),
            internal_counters_entities::path(),
            internal_counters_requests::requests(),
            internal_counters_requests::activity(),
            locked_users::path(),
            locked_users_unlock::path(node),
            loggers::all(measures),
            loggers::one(measures),
            plugins_catalog::all(&mountable),
            plugins_catalog::of_kind(&mountable, "plugins/catalog/auth/?", PluginKind::Auth),
            plugins_catalog::of_kind(&mountable, "plugins/catalog/secret/?", PluginKind::Secret),
            plugins_catalog::one(&mountable),
            plugins_reload_backend::path(node, &mountable),
            policies_password::list(),
            policies_password_generate::path(),
            policies_password::one(),
            quotas_config::path(),
            quotas_lease_count::list(),
            quotas_lease_count::one(node, &mountable),
            quotas_rate_limit::list(),
            quotas_rate_limit::one(node, &mountable),
            tools_hash::plain(),
            tools_hash::by_path(),
            version_history::path(),
            wrapping_lookup::path(node),
            wrapping_rewrap::path(node),
            wrapping_unwrap::path(node),
            wrapping_wrap::path(),
        ];
        paths.extend(sdk::draws([
            ("tools/random", "generate-random"),
            ("tools/random/:source", "generate-random-with-source"),
            ("tools/random/:source/:urlbytes+", "generate-random-with-source-and-bytes"),
        ]));
        paths.extend([
            replication_primary::enable(node),
            replication_primary::disable(node),
            replication_primary::demote(node),
            replication_primary::revoke_secondary(node),
            replication_secondary_token::path(node),
            replication_public_key::path(node),
            replication_secondary::enable(node),
            replication_secondary::promote(node),
            replication_secondary::disable(node),
            replication_secondary::update_primary(node),
            replication_operation_token::attempt(node),
            replication_operation_token::update(node),
            replication_operation_token::delete(node),
        ]);
        paths.extend(replication_status::paths(node));
        paths.extend(replication_recover::paths(node));
        paths.extend(replication_performance::paths(node));
        paths.extend(crate::node::paths());
        paths.extend(capabilities::paths(node));
        paths.extend(leases_renew::paths(node));
        paths.extend(leases_revoke::paths(node));
        paths.extend(leases_revoke_prefix::paths(node));
        paths.extend(namespaces_api_lock::paths(node));
        paths.push(namespaces_key_service::path(node));
        paths.extend(namespaces_rotate::paths(node));
        paths.extend(namespaces_seal::paths(node));
        paths.push(namespaces::one(node));
        // Before `policy/:name`.
        paths.splice(0..0, policy_explain::paths(node, all));
        let paths = paths
            .into_iter()
            .map(|path| if lies_in(path.pattern.text(), &ROOT_ONLY) { path.root_only() } else { path });
        let paths = paths.collect();
        Self(Backend::new("Control of the server: mounts, policies, seal, cluster.", paths))
    }
}

impl Plugin for Sys {
    fn kind(&self) -> PluginKind {
        PluginKind::Secret
    }
    fn types(&self) -> &'static [&'static str] {
        &["system"]
    }
    fn backend(&self, _mount: &MountInfo) -> &Backend {
        &self.0
    }
}

/// What concerns the whole cluster, or the machine that a node runs on.
const ROOT_ONLY: [&str; 29] = [
    "audit",
    "audit-hash",
    "config/auditing",
    "config/cors",
    "config/state",
    "config/ui",
    "decode-token",
    "generate-root",
    "generate-root-token",
    "ha-status",
    "host-info",
    "in-flight-req",
    "init",
    "key-status",
    "loggers",
    "metrics",
    "monitor",
    "quotas",
    "rekey",
    "rekey-recovery-key",
    "replication",
    "rotate",
    "seal",
    "seal-backend-status",
    "seals",
    "step-down",
    "storage",
    "unseal",
    "version-history",
];

fn lease_given(id: &str) -> Result<(), Failure> {
    if id.is_empty() { Err(Failure::invalid("lease_id must be specified")) } else { Ok(()) }
}

/// Why the keys were not changed.
fn change_failure(error: ChangeError) -> Failure {
    match error {
        ChangeError::Sealed => Failure::Sealed,
        ChangeError::NotActive | ChangeError::Unavailable(_) => Failure::Unavailable(error.to_string()),
        ChangeError::Unknown(_) => Failure::OutcomeUnknown(error.to_string()),
        ChangeError::Broken(_) => Failure::internal(error),
    }
}

fn mount_failure(error: MountError) -> Failure {
    match error {
        MountError::Refused(text) => Failure::Invalid(text),
        MountError::Access(access) => access.into(),
    }
}

fn policy_failure(error: PolicyRefused) -> Failure {
    match error {
        PolicyRefused::Refused(text) => Failure::Invalid(text),
        PolicyRefused::Access(access) => access.into(),
    }
}
