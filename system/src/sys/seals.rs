//! `sys/seals`: what unseals this cluster: listed, added, removed.

use std::sync::Arc;

use holdfast_core::lifecycle::{Node, SealEntry};
use schemars::JsonSchema;
use sdk::{Answer, Ctx, Input, Millis, OnSecondary, Path, Reply, Result, Txn, Verb, timestamp};
use serde::Serialize;
use tokio::time::Instant;

use super::ceremony::{acting, failure};
use super::change_failure;

#[derive(Input)]
struct Nothing {}

#[derive(Input)]
struct Named {
    /// The seal's, as the configuration says; without one there that of its kind.
    name: String,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    seals: Vec<Seal>,
}

#[derive(Serialize, JsonSchema)]
struct Seal {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    /// Whether it wraps the root key: then it unseals.
    wrapped: bool,
    /// The key that it does so with.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
    /// Whether the active node's configuration has it.
    configured: bool,
    disabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<u32>,
    /// Whether what is behind it does its work for the active node.
    #[serde(skip_serializing_if = "Option::is_none")]
    healthy: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unhealthy_since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl Seal {
    fn shown(entry: SealEntry, now: Millis) -> Self {
        let health = entry.health;
        Self {
            name: entry.name,
            kind: entry.kind.name(),
            wrapped: entry.wrapped,
            key_id: entry.key_id,
            configured: entry.configured,
            disabled: entry.disabled,
            priority: entry.priority,
            healthy: health.as_ref().map(holdfast_core::lifecycle::SealHealth::is_healthy),
            unhealthy_since: health.as_ref().and_then(|health| health.unhealthy_since(now)).map(timestamp),
            problem: health.and_then(|health| health.problem),
        }
    }
}

/// A transaction that changes nothing: what is configured at the active node is what counts.
pub fn all(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("seals")
        .on_secondary(OnSecondary::ByOperationToken)
        .help(
            "Lists what unseals this cluster.",
            "Each seal wraps the root key, and any of them opens it: key shares, and the seals of the configuration.",
        )
        .sudo()
        .txn(Verb::Read, move |ctx: &Ctx, Nothing {}: Nothing, _: &mut Txn| {
            let entries = node.seal_entries().map_err(|e| change_failure(e.into()))?;
            Reply::data(Shown { seals: entries.into_iter().map(|entry| Seal::shown(entry, ctx.now)).collect() })
        })
}

pub fn one(node: &Arc<Node>) -> Path {
    Path::new("seals/:name")
        .on_secondary(OnSecondary::ByOperationToken)
        .help(
            "Lets a seal of the configuration unseal this cluster, or not any more.",
            "Adding wraps the root key by it, and sees that it opens. Removing takes that wrap away, if another seal was seen to open \
             the root key. Shares are neither added nor removed here.",
        )
        .sudo()
        .act::<Named>(
            Verb::Write,
            acting(node, |node: Arc<Node>, Named { name }: Named, deadline: Instant| async move {
                done(node.add_seal(&name, deadline).await.map_err(failure))
            }),
        )
        .act::<Named>(
            Verb::Delete,
            acting(node, |node: Arc<Node>, Named { name }: Named, deadline: Instant| async move {
                done(node.remove_seal(&name, deadline).await.map_err(failure))
            }),
        )
}

fn done(result: Result<()>) -> Result<Answer> {
    result.map(|()| Answer::empty())
}
