//! `sys/replication/recover`, `…/reindex`, `…/merkle-check` and their twins on a secondary. Where Vault keeps an index over its
//! records, to be rebuilt and checked, here each change has a fingerprint of all before it; so nothing is rebuilt, and what may
//! be asked is answered from what the nodes know.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use schemars::JsonSchema;
use sdk::{Ctx, Failure, Input, OnSecondary, Outcome, Output, Path, Reply, Txn, Verb};
use serde::Serialize;
use tokio::time::Instant;

use super::ceremony::acting;
use super::replication::{WITH_WARNINGS, done};
use super::replication_status::{LastDifference, last_difference};

#[derive(Input)]
struct Ask {
    /// On a secondary.
    dr_operation_token: Option<String>,
    /// Without effect.
    diff: bool,
    /// Without effect.
    force: bool,
    /// Without effect.
    skip_flush: bool,
}

/// What is known of the equality of the copies.
#[derive(Serialize, JsonSchema)]
struct Checked {
    /// Where the state stands. Equal on two clusters, the fingerprints must be.
    revision: String,
    fingerprint: String,
    /// Over keys, revisions and values of all records, in the order of keys, and how many there are.
    sha256: String,
    records: u64,
    /// The last time that a copy was compared with its primary, range by range.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_difference: Option<LastDifference>,
}

const NOTHING: &str = "nothing was done: there is no index to rebuild here. A copy that cannot follow compares its records with the \
                       primary's by itself, and fetches what differs; dr/status says when that was, and why";
const COMPARED: &str = "compare revision and fingerprint with those of the other cluster: each change makes the next fingerprint, so \
                        at equal revisions they are equal, or a copy differs, which its nodes find and mend by themselves";

pub fn paths(node: &Arc<Node>) -> Vec<Path> {
    let by_token = OnSecondary::ByOperationToken;
    vec![
        idle("replication/recover"),
        idle("replication/reindex").sudo(),
        idle("replication/dr/reindex").sudo(),
        idle("replication/dr/secondary/recover").secondary_only(by_token),
        idle("replication/dr/secondary/reindex").secondary_only(by_token),
        check(node, "replication/merkle-check"),
        check(node, "replication/dr/secondary/merkle-check").secondary_only(by_token),
    ]
}

fn idle(pattern: &'static str) -> Path {
    Path::new(pattern)
        .help("Changes nothing.", "It is there for tools that call it, and says what happens by itself.")
        .answers(Verb::Write, WITH_WARNINGS)
        .txn(Verb::Write, |_: &Ctx, ask: Ask, _: &mut Txn| {
            let _ = (ask.dr_operation_token, ask.diff, ask.force, ask.skip_flush);
            Ok(done(vec![NOTHING.to_owned()]))
        })
}

fn check(node: &Arc<Node>, pattern: &'static str) -> Path {
    Path::new(pattern)
        .help(
            "Reads every record of this cluster.",
            "At equal revisions two clusters have equal fingerprints, and the hashes of all their records are equal. It takes as \
             long as reading the whole state, on the active node.",
        )
        .answers(Verb::Write, Outcome::data::<Checked>())
        .act::<Ask>(
            Verb::Write,
            acting(node, |node: Arc<Node>, ask: Ask, _: Instant| async move {
                let _ = (ask.dr_operation_token, ask.diff, ask.force, ask.skip_flush);
                let hash = node.other_cluster().full_hash().await.map_err(Failure::internal)?;
                let progress = node.other_cluster().secondary_progress();
                let checked = Checked {
                    revision: hash.revision.to_string(),
                    fingerprint: hex::encode(hash.fingerprint),
                    sha256: hex::encode(hash.sha256),
                    records: hash.records,
                    last_difference: progress.as_ref().and_then(last_difference),
                };
                Ok(Reply::data(checked)?.warn(COMPARED).into_answer())
            }),
        )
}
