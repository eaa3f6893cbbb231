//! Several operations in one request.

use schemars::JsonSchema;
use serde::Serialize;
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

/// What a batch answers.
#[derive(Serialize, JsonSchema)]
pub struct BatchAnswer {
    /// One for each operation, in their order.
    pub results: Vec<StepAnswer>,
}

/// What a request of its own would have been answered.
#[derive(Serialize, JsonSchema)]
pub struct StepAnswer {
    pub status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_duration: Option<u64>,
}
