//! `sys/auth/:path/tune`.

use std::sync::Arc;

use holdfast_core::catalog::Catalog;
use holdfast_core::lifecycle::Node;
use holdfast_core::mount::Table;
use sdk::{Path, Verb};

use super::mounts_tune::tuning;

pub fn path(node: &Arc<Node>, mountable: &Arc<Catalog>) -> Path {
    let path = Path::new("auth/:path+/tune")
        .ids([(Verb::Read, "auth-read-tuning-information"), (Verb::Write, "auth-tune-configuration-parameters")])
        .help("Shows and changes how an auth method is set.", "Limits read back as they are in force.")
        .sudo();
    tuning(path, node, mountable, |path| (Table::Auth, path))
}
