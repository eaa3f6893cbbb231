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

use std::sync::Arc;

pub use sys::{GENERATE_ROOT, REKEY};

use holdfast_core::catalog::Catalog;
use holdfast_core::lifecycle::Node;
use measures::Measures;

/// The catalog with the built-in kinds in it.
pub fn with_builtins(catalog: Catalog, node: &Arc<Node>, measures: &Arc<dyn Measures>) -> Catalog {
    let mountable = Arc::new(catalog.clone());
    let token = token::TokenAuth::new(node, &mountable);
    let protected = sys::protection(token.paths());
    catalog
        .with(token)
        .with(sys::Sys::new(node, mountable, measures, protected))
        .with(cubbyhole::Cubbyhole::new())
        .with(identity::Identity::new())
}

// In a test an unwrap is an assertion.
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
