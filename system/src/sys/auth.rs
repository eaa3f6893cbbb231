//! `sys/auth`, `sys/auth/:path`.

use std::sync::Arc;

use holdfast_core::catalog::Catalog;
use holdfast_core::lifecycle::Node;
use holdfast_core::mount::Table;
use sdk::{Path, Verb};

use super::mounts::{listing, managing};

pub fn list(node: &Arc<Node>) -> Path {
    let path = Path::new("auth")
        .ids([(Verb::Read, "auth-list-enabled-methods")])
        .help("Lists the auth methods.", "All auth methods of the namespace and how they are set.");
    listing(path, node, Table::Auth)
}

pub fn one(node: &Arc<Node>, mountable: &Arc<Catalog>) -> Path {
    let path = Path::new("auth/:path+")
        .ids([
            (Verb::Read, "auth-read-configuration"),
            (Verb::Write, "auth-enable-method"),
            (Verb::Delete, "auth-disable-method"),
        ])
        .help("Enables and disables auth methods.", "Disabling deletes the method's users, roles and configuration.")
        .sudo();
    managing(path, node, mountable, Table::Auth)
}
