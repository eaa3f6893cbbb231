//! The endpoints that every server has: `sys/`, `auth/token/`, `cubbyhole/`, `identity/`. One file per path.
//!
//! They are plugins like any other in how they declare operations; only they also hold core's handles. What a node
//! answers for itself, without a token and while it is sealed, is in [`node`].

mod batches;
mod cubbyhole;
mod identity;
pub mod measures;
pub mod node;
mod share;
mod sys;
mod token;

use std::sync::{Arc, OnceLock};

pub use sys::{GENERATE_ROOT, REKEY};

use holdfast_core::catalog::Catalog;
use holdfast_core::lifecycle::Node;
use measures::Measures;

/// The catalog with the built-in kinds in it.
pub fn with_builtins(catalog: Catalog, node: &Arc<Node>, measures: &Arc<dyn Measures>) -> Catalog {
    let mountable = Arc::new(catalog.clone());
    let all = Arc::new(OnceLock::new());
    let catalog = catalog
        .with(token::TokenAuth::new(node, &mountable))
        .with(sys::Sys::new(node, mountable, &all, measures))
        .with(cubbyhole::Cubbyhole::new())
        .with(identity::Identity::new(node));
    all.get_or_init(|| catalog).clone()
}

// In a test an unwrap is an assertion.
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
