//! `sys/replication/status`, `…/dr/status`, `…/performance/status`: how this cluster stands to others, and how far its copies are.
//! Open to everybody, as monitoring needs them most where no token counts.

use std::sync::Arc;
use std::time::Duration;

use holdfast_core::dr::{CopyState, Enrolment, PrimaryProgress, SecondaryLag, SecondaryProgress, Standing};
use holdfast_core::lifecycle::Node;
use holdfast_core::replication::Member;
use schemars::JsonSchema;
use sdk::{Ctx, Failure, Input, Millis, OnSecondary, Path, Reply, Result, Txn, Verb};
use serde::Serialize;

#[derive(Input)]
struct Nothing {}

#[derive(Serialize, JsonSchema)]
struct Both {
    dr: Shown,
    performance: Shown,
}

/// What does not belong to the mode is left out.
#[derive(Default, Serialize, JsonSchema)]
struct Shown {
    /// `disabled`, `primary` or `secondary`.
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_id: Option<String>,
    /// As Vault calls it: `running` or `idle` of a primary; `stream-wals`, `merkle-diff`, `merkle-sync` or `idle` of a secondary.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_state: Option<&'static str>,
    /// The fingerprint of the state, which is equal where the revision is.
    #[serde(skip_serializing_if = "Option::is_none")]
    merkle_root: Option<String>,
    /// How many changes led to the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_wal: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_dr_wal: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_remote_wal: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    known_secondaries: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secondaries: Option<Vec<Other>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    primaries: Option<Vec<Other>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary_cluster_addr: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    known_primary_cluster_addrs: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secondary_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    corrupted_merkle_tree: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_corruption_check_epoch: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_reindex_epoch: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ssct_generation_counter: Option<u64>,
    /// Where the state stands: its line of history, and the number of changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<String>,
    /// Of a secondary: `idle`, `copying`, `comparing`, `merging` or `following`.
    #[serde(skip_serializing_if = "Option::is_none")]
    copy_state: Option<&'static str>,
    /// Of a secondary: how many of the primary's changes it lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    behind: Option<u64>,
    /// Of a secondary: for how long it has not had the primary's state.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_ms: Option<u64>,
    /// Of a secondary: another cluster has taken its place as the primary.
    #[serde(skip_serializing_if = "Option::is_none")]
    fenced: Option<bool>,
    /// Of a primary: what is kept for secondaries, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    feed_bytes: Option<u64>,
    /// The last time that the copy was compared with the primary, since it could not follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_difference: Option<LastDifference>,
    /// Why the copy does not go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct LastDifference {
    at: String,
    reason: String,
    /// Records that were fetched, and that were taken away.
    fetched: u64,
    removed: u64,
}

/// The other end.
#[derive(Default, Serialize, JsonSchema)]
struct Other {
    /// Of a secondary: its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    node_id: Option<String>,
    api_address: String,
    cluster_address: String,
    connection_status: &'static str,
    last_heartbeat: String,
    last_heartbeat_duration_ms: String,
    clock_skew_ms: String,
    replication_primary_canary_age_ms: String,
    /// Of a secondary: whether it has shown its token.
    #[serde(skip_serializing_if = "Option::is_none")]
    enrolled: Option<bool>,
    /// Of a secondary: up to where it has everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledged: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    behind: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_ms: Option<u64>,
}

/// After so long without a word the other end counts as away.
const AWAY: Duration = Duration::from_secs(15);
const NEVER: &str = "0001-01-01T00:00:00Z";

pub fn paths(node: &Arc<Node>) -> Vec<Path> {
    let (both, dr) = (Arc::clone(node), Arc::clone(node));
    let path = |pattern| Path::new(pattern).open().on_secondary(OnSecondary::Open);
    vec![
        path("replication/status")
            .help("Shows how this cluster stands to others.", "As a primary or as a copy.")
            // It changes nothing; but only the active node knows how far the copies are.
            .txn(Verb::Read, move |ctx: &Ctx, Nothing {}: Nothing, _: &mut Txn| {
                Reply::data(Both { dr: shown(&both, ctx.now)?, performance: disabled() })
            }),
        path("replication/dr/status")
            .help("Shows how this cluster stands to others.", "As a DR primary, or as a copy of one.")
            .txn(Verb::Read, move |ctx: &Ctx, Nothing {}: Nothing, _: &mut Txn| Reply::data(shown(&dr, ctx.now)?)),
        path("replication/performance/status")
            .help("Shows that there is no performance replication.", "The mode is always `disabled`.")
            .txn(Verb::Read, |_: &Ctx, Nothing {}: Nothing, _: &mut Txn| Reply::data(disabled())),
    ]
}

fn disabled() -> Shown {
    Shown { mode: "disabled", ..Shown::default() }
}

fn shown(node: &Node, now: Millis) -> Result<Shown> {
    let standing = node.standing();
    if standing == Standing::Alone {
        return Ok(disabled());
    }
    let snapshot = node.replication.store().snapshot().map_err(Failure::internal)?;
    let common = Shown {
        mode: standing.mode(),
        cluster_id: node.cluster_info().map(|info| info.id),
        merkle_root: Some(hex::encode(snapshot.fingerprint())),
        corrupted_merkle_tree: Some(false),
        last_corruption_check_epoch: Some("-62135596800"),
        last_reindex_epoch: Some("0"),
        ssct_generation_counter: Some(0),
        revision: Some(snapshot.revision().to_string()),
        ..Shown::default()
    };
    let n = snapshot.revision().n;
    let link = node.other_cluster();
    Ok(match standing {
        Standing::Alone => common,
        Standing::Primary { secondaries } => {
            let progress = link.primary_progress();
            let lag = |id: &str| progress.as_ref()?.secondaries.iter().find(|lag| lag.id == id);
            let enrolled = |enrolment: &Enrolment| matches!(enrolment, Enrolment::Enrolled { .. });
            let others =
                secondaries.iter().map(|known| secondary(&known.id, enrolled(&known.enrolment), lag(&known.id), now));
            Shown {
                state: Some(if progress.is_some() { "running" } else { "idle" }),
                last_wal: Some(n),
                last_dr_wal: Some(n),
                known_secondaries: Some(secondaries.iter().map(|known| known.id.clone()).collect()),
                secondaries: Some(others.collect()),
                primary_cluster_addr: Some(String::new()),
                feed_bytes: progress.as_ref().map(|progress: &PrimaryProgress| progress.feed_bytes),
                ..common
            }
        }
        Standing::Secondary { id, primary, fenced } => {
            let progress = link.secondary_progress().unwrap_or_default();
            let addresses: Vec<String> = primary.iter().map(|member| format!("https://{}", member.address)).collect();
            Shown {
                state: Some(state(progress.state)),
                connection_state: Some(connection(&primary, progress.last_contact)),
                last_remote_wal: Some(n),
                last_start: progress.since.map(sdk::timestamp),
                primaries: Some(primary.iter().map(|member| primary_shown(member, &progress, now)).collect()),
                primary_cluster_addr: Some(addresses.first().cloned().unwrap_or_default()),
                known_primary_cluster_addrs: Some(addresses),
                secondary_id: Some(id),
                copy_state: Some(copy_state(progress.state)),
                behind: progress.behind,
                lag_ms: progress.lag.map(millis),
                fenced: Some(fenced),
                last_difference: last_difference(&progress),
                problem: progress.problem,
                ..common
            }
        }
    })
}

pub(super) fn last_difference(progress: &SecondaryProgress) -> Option<LastDifference> {
    progress.last_difference.as_ref().map(|difference| LastDifference {
        at: sdk::timestamp(difference.at),
        reason: difference.reason.clone(),
        fetched: difference.fetched,
        removed: difference.removed,
    })
}

fn secondary(id: &str, enrolled: bool, lag: Option<&SecondaryLag>, now: Millis) -> Other {
    let heard = lag.and_then(|lag| lag.last_contact);
    let asking = lag.and_then(|lag| lag.asking.as_ref());
    let behind_for = lag.and_then(|lag| lag.lag).map(millis);
    Other {
        node_id: Some(id.to_owned()),
        enrolled: Some(enrolled),
        acknowledged: lag.and_then(|lag| lag.acknowledged).map(|revision| revision.to_string()),
        behind: lag.and_then(|lag| lag.behind),
        lag_ms: behind_for,
        replication_primary_canary_age_ms: behind_for.unwrap_or(0).to_string(),
        clock_skew_ms: lag.and_then(|lag| lag.clock_skew_ms).unwrap_or(0).to_string(),
        ..other(asking, heard, now)
    }
}

/// How far the one is that answers is known; the others are the places to ask next.
fn primary_shown(member: &Member, progress: &SecondaryProgress, now: Millis) -> Other {
    let answers = progress.answering.as_ref().is_some_and(|answering| answering.id == member.id);
    let heard = progress.last_contact.filter(|_| answers);
    Other {
        replication_primary_canary_age_ms: progress.lag.filter(|_| answers).map_or(0, millis).to_string(),
        clock_skew_ms: progress.clock_skew_ms.filter(|_| answers).unwrap_or(0).to_string(),
        ..other(Some(member), heard, now)
    }
}

fn other(member: Option<&Member>, heard: Option<Duration>, now: Millis) -> Other {
    let at = heard.map(|ago| Millis(now.0.saturating_sub(millis(ago))));
    Other {
        api_address: member.map(|member| member.api_address.clone()).unwrap_or_default(),
        cluster_address: member.map(|member| format!("https://{}", member.address)).unwrap_or_default(),
        connection_status: if heard.is_some_and(|ago| ago < AWAY) { "connected" } else { "disconnected" },
        last_heartbeat: at.map_or_else(|| NEVER.to_owned(), sdk::timestamp),
        last_heartbeat_duration_ms: heard.map_or(0, millis).to_string(),
        ..Other::default()
    }
}

fn state(state: CopyState) -> &'static str {
    match state {
        CopyState::Idle => "idle",
        CopyState::Copying | CopyState::Merging => "merkle-sync",
        CopyState::Comparing => "merkle-diff",
        CopyState::Following => "stream-wals",
    }
}

fn copy_state(state: CopyState) -> &'static str {
    match state {
        CopyState::Idle => "idle",
        CopyState::Copying => "copying",
        CopyState::Comparing => "comparing",
        CopyState::Merging => "merging",
        CopyState::Following => "following",
    }
}

/// In the words of gRPC.
fn connection(primary: &[Member], heard: Option<Duration>) -> &'static str {
    match heard {
        _ if primary.is_empty() => "idle",
        Some(ago) if ago < AWAY => "ready",
        Some(_) => "transient_failure",
        None => "connecting",
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
