//! `sys/replication/dr/primary/enable`, `…/disable`, `…/demote`, `…/revoke-secondary`: what this cluster is to its copies.

use std::sync::Arc;

use holdfast_core::dr::Change;
use holdfast_core::lifecycle::Node;
use sdk::{Failure, Input, Path, Verb};
use tokio::time::Instant;

use super::ceremony::acting;
use super::replication::{WITH_WARNINGS, done, failure, not_needed};

#[derive(Input)]
struct Nothing {}

#[derive(Input)]
struct Enable {
    /// Not needed: secondaries learn where the primary's nodes are.
    primary_cluster_addr: Option<String>,
}

#[derive(Input)]
struct Named {
    /// The secondary's name, as it was invited.
    id: Option<String>,
}

pub fn enable(node: &Arc<Node>) -> Path {
    Path::new("replication/dr/primary/enable")
        .help(
            "Lets other clusters be copies of this one.",
            "Each needs an activation token: dr/primary/secondary-token.",
        )
        .answers(Verb::Write, WITH_WARNINGS)
        .act::<Enable>(
            Verb::Write,
            acting(node, |node: Arc<Node>, enable: Enable, deadline: Instant| async move {
                node.change_standing(Change::EnablePrimary, deadline).await.map_err(failure)?;
                let given = enable.primary_cluster_addr.is_some_and(|address| !address.is_empty());
                Ok(done(not_needed(&[("primary_cluster_addr", given)]).into_iter().collect()))
            }),
        )
}

pub fn disable(node: &Arc<Node>) -> Path {
    Path::new("replication/dr/primary/disable")
        .help(
            "Lets no cluster be a copy of this one.",
            "All secondaries are cut off, and have to be enabled anew later.",
        )
        .answers(Verb::Write, WITH_WARNINGS)
        .act::<Nothing>(
            Verb::Write,
            acting(node, |node: Arc<Node>, Nothing {}: Nothing, deadline: Instant| async move {
                node.change_standing(Change::DisablePrimary, deadline).await.map_err(failure)?;
                Ok(done(vec!["all secondaries are cut off from this cluster".to_owned()]))
            }),
        )
}

pub fn demote(node: &Arc<Node>) -> Path {
    Path::new("replication/dr/primary/demote")
        .help(
            "Makes this primary a secondary without a primary.",
            "It serves nothing more, and writes nothing. dr/secondary/update-primary tells it whom to follow: what differs is \
             fetched, and nothing is wiped.",
        )
        .answers(Verb::Write, WITH_WARNINGS)
        .act::<Nothing>(
            Verb::Write,
            acting(node, |node: Arc<Node>, Nothing {}: Nothing, deadline: Instant| async move {
                node.change_standing(Change::Demote, deadline).await.map_err(failure)?;
                let text = "this cluster is a DR secondary now and serves nothing else: tell it of its primary by \
                            dr/secondary/update-primary, or promote it again, either with a DR operation token";
                Ok(done(vec![text.to_owned()]))
            }),
        )
}

pub fn revoke_secondary(node: &Arc<Node>) -> Path {
    Path::new("replication/dr/primary/revoke-secondary")
        .help(
            "Cuts a secondary off.",
            "At once, and until it is invited anew. What it has copied it keeps, the root key among it.",
        )
        .act::<Named>(
            Verb::Write,
            acting(node, |node: Arc<Node>, named: Named, deadline: Instant| async move {
                let id = named.id.filter(|id| !id.is_empty());
                let id = id.ok_or_else(|| Failure::invalid("id must name the secondary"))?;
                node.change_standing(Change::Revoke { id }, deadline).await.map_err(failure)?;
                Ok(sdk::Answer::empty())
            }),
        )
}
