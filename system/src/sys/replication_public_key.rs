//! `sys/replication/dr/secondary/generate-public-key`: a key that an activation token can be encrypted to.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use schemars::JsonSchema;
use sdk::{Input, OnSecondary, Outcome, Output, Path, Reply, Verb};
use serde::Serialize;
use tokio::time::Instant;

use super::ceremony::acting;
use super::replication::failure;

#[derive(Input)]
struct Ask {
    /// Where the cluster is a secondary.
    dr_operation_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Key {
    secondary_public_key: String,
}

pub fn path(node: &Arc<Node>) -> Path {
    Path::new("replication/dr/secondary/generate-public-key")
        .on_secondary(OnSecondary::ByOperationToken)
        .help(
            "Makes a key that an activation token can be encrypted to.",
            "So that the token may travel on any way. One made before counts no more.",
        )
        .answers(Verb::Write, Outcome::data::<Key>())
        .act::<Ask>(
            Verb::Write,
            acting(node, |node: Arc<Node>, ask: Ask, _: Instant| async move {
                let _ = ask.dr_operation_token;
                let secondary_public_key = node.generate_public_key().await.map_err(failure)?;
                Ok(Reply::data(Key { secondary_public_key })?.into_answer())
            }),
        )
}
