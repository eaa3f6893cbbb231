//! Several operations in one request.

use serde_json::{Map, Value};

use crate::Verb;

/// One operation of a batch: what a request of its own would bring, as the same caller.
#[derive(Clone)]
pub struct Step {
    /// What the batch calls it.
    pub name: &'static str,
    pub verb: Verb,
    /// A write that is to find nothing there.
    pub only_new: bool,
    /// Canonical, below `/v1/`.
    pub path: String,
    pub body: Map<String, Value>,
    pub content_type: &'static str,
}
