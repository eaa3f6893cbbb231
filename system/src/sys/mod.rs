//! `sys/`, as far as it takes a token. What a node answers for itself is in [`crate::node`].

mod audit;
mod audit_hash;
mod auth;
mod auth_tune;
mod capabilities;
mod config_auditing_request_headers;
mod describe;
mod ha_status;
mod internal_counters_tokens;
mod internal_ui_mounts;
mod internal_ui_namespaces;
mod internal_ui_resultant_acl;
mod leases;
mod leases_lookup;
mod leases_renew;
mod leases_revoke;
mod leases_revoke_prefix;
mod leases_tidy;
mod metrics;
mod mount_config;
mod mounts;
mod mounts_tune;
mod policies_acl;
mod policy;
mod raft_configuration;
mod raft_snapshot;
mod remount;
mod remount_status;
mod seal;
mod step_down;
mod wrapping_lookup;
mod wrapping_rewrap;
mod wrapping_unwrap;
mod wrapping_wrap;

use std::sync::Arc;

use holdfast_core::catalog::Catalog;
use holdfast_core::lifecycle::Node;
use holdfast_core::mount::MountError;
use holdfast_core::policies::PolicyRefused;
use sdk::{Backend, Failure, MountInfo, Plugin, PluginKind};

use crate::measures::Measures;

pub struct Sys(Backend);

impl Sys {
    /// `mountable` are the plugins that users may mount.
    pub fn new(node: &Arc<Node>, mountable: Arc<Catalog>, measures: &Arc<dyn Measures>) -> Self {
        let mut paths = vec![
            audit::list(node),
            audit::one(node),
            audit_hash::path(node),
            auth::list(node),
            auth_tune::path(node, &mountable),
            auth::one(node, &mountable),
            metrics::path(measures),
            mounts::list(node),
            mounts_tune::path(node, &mountable),
            mounts::one(node, &mountable),
            config_auditing_request_headers::all(),
            config_auditing_request_headers::one(node),
            internal_ui_mounts::all(node),
            internal_ui_mounts::one(node),
            internal_ui_namespaces::path(),
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
            policies_acl::one(node),
            policy::list(node),
            policy::one(node),
            raft_configuration::path(node),
            raft_snapshot::path(node),
            raft_snapshot::force(node),
            seal::path(node),
            step_down::path(node),
            wrapping_lookup::path(node),
            wrapping_rewrap::path(node),
            wrapping_unwrap::path(node),
            wrapping_wrap::path(),
        ];
        paths.extend(capabilities::paths(node));
        paths.extend(leases_renew::paths(node));
        paths.extend(leases_revoke::paths(node));
        paths.extend(leases_revoke_prefix::paths(node));
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

fn lease_given(id: &str) -> Result<(), Failure> {
    if id.is_empty() { Err(Failure::invalid("lease_id must be specified")) } else { Ok(()) }
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
