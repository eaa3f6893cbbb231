//! `sys/seal-backend-status`: how what is behind this node's seals is.

use holdfast_core::response::Response;
use schemars::JsonSchema;
use sdk::{Bare, Path, Verb, json, timestamp};
use serde::Serialize;

use super::{Local, Nothing};

/// Where they are and what is wrong with them is told to those with a token alone, by `sys/seals`.
#[derive(Serialize, JsonSchema)]
pub(super) struct Shown {
    healthy: bool,
    /// Since when, in RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    unhealthy_since: Option<String>,
    backends: Vec<Backend>,
}

#[derive(Serialize, JsonSchema)]
struct Backend {
    name: String,
    healthy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    unhealthy_since: Option<String>,
}

pub fn path() -> Path {
    Path::new("seal-backend-status")
        .help(
            "Tells whether what is behind this node's seals does its work.",
            "Each of them encrypts and decrypts something every few seconds. All is well when each does its work and has wrapped the root \
             key. A node without seals of its own has none, and is healthy.",
        )
        .open()
        .ids([(Verb::Read, "seal-backend-status")])
        .node::<Nothing, Bare<Shown>>(Verb::Read)
}

pub fn answer(local: &Local) -> Response {
    let (seals, now) = (local.node.seal_health(), (local.clock)());
    // One that works suffices to unseal; but whoever has several wants to hear of one that is away.
    let healthy = seals.iter().all(|(_, health)| health.is_healthy());
    let first = seals.iter().filter_map(|(_, health)| health.unhealthy_since(now)).min();
    let shown = Shown {
        healthy,
        unhealthy_since: first.filter(|_| !healthy).map(timestamp),
        backends: seals
            .into_iter()
            .map(|(name, health)| Backend {
                name,
                healthy: health.is_healthy(),
                unhealthy_since: health.unhealthy_since(now).map(timestamp),
            })
            .collect(),
    };
    Response::json(200, &json!(shown))
}
