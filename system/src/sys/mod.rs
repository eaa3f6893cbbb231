//! `sys/`, as far as it takes a token. What a node answers for itself is in [`crate::node`].

mod audit;
mod audit_hash;
mod auth;
mod auth_tune;
mod config_auditing_request_headers;
mod describe;
mod internal_ui_mounts;
mod mount_config;
mod mounts;
mod mounts_tune;
mod policies_acl;
mod policy;
mod raft_configuration;
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

pub struct Sys(Backend);

impl Sys {
    /// `mountable` are the plugins that users may mount.
    pub fn new(node: &Arc<Node>, mountable: Arc<Catalog>) -> Self {
        let paths = vec![
            audit::list(node),
            audit::one(node),
            audit_hash::path(node),
            auth::list(node),
            auth_tune::path(node, &mountable),
            auth::one(node, &mountable),
            mounts::list(node),
            mounts_tune::path(node, &mountable),
            mounts::one(node, &mountable),
            config_auditing_request_headers::all(),
            config_auditing_request_headers::one(node),
            internal_ui_mounts::all(node),
            internal_ui_mounts::one(node),
            policies_acl::list(node),
            policies_acl::one(node),
            policy::list(node),
            policy::one(node),
            raft_configuration::path(node),
            seal::path(node),
            step_down::path(node),
            wrapping_lookup::path(node),
            wrapping_rewrap::path(node),
            wrapping_unwrap::path(node),
            wrapping_wrap::path(),
        ];
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
