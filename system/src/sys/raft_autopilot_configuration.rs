//! `sys/storage/raft/autopilot/configuration`: what counts as healthy, and what is done about nodes that are gone.

use std::sync::Arc;
use std::time::Duration;

use holdfast_core::autopilot::{AutopilotConfig, config_key, records};
use holdfast_core::lifecycle::Node;
use schemars::JsonSchema;
use sdk::{Answer, Ctx, Failure, Input, OnSecondary, Path, Read, Reply, Result, Seconds, Txn, Verb, duration};
use serde::Serialize;

#[derive(Input)]
struct Nothing {}

#[derive(Input)]
struct Change {
    /// Whether nodes that are gone are taken out of the cluster.
    cleanup_dead_servers: Option<bool>,
    /// After how long without an answer a node is not healthy.
    last_contact_threshold: Option<Seconds>,
    /// After how long without one it is gone: at least a minute, if nodes that are gone are taken out.
    dead_server_last_contact_threshold: Option<Seconds>,
    /// How many entries of the log a healthy node may lack.
    max_trailing_logs: Option<i64>,
    /// So many voters stay, gone or not: at least 3, if nodes that are gone are taken out.
    min_quorum: Option<i64>,
    /// How long a new node is healthy before it gets a vote.
    server_stabilization_time: Option<Seconds>,
}

#[derive(Serialize, JsonSchema)]
struct Config {
    cleanup_dead_servers: bool,
    last_contact_threshold: String,
    dead_server_last_contact_threshold: String,
    max_trailing_logs: u64,
    min_quorum: u64,
    server_stabilization_time: String,
}

/// It is read where it is written: on the active node.
pub fn path(node: &Arc<Node>) -> Path {
    let replication = Arc::clone(&node.replication);
    Path::new("storage/raft/autopilot/configuration")
        .on_secondary(OnSecondary::ByOperationToken)
        .help("Configures what is done about unhealthy nodes.", "A value of zero leaves what is set.")
        .txn(Verb::Read, |_: &Ctx, Nothing {}: Nothing, txn: &mut Txn| {
            let config = txn.elsewhere(records()).get::<AutopilotConfig>(&config_key())?.unwrap_or_default();
            Reply::data(Config {
                cleanup_dead_servers: config.cleanup_dead_servers,
                last_contact_threshold: text(config.last_contact_threshold),
                dead_server_last_contact_threshold: text(config.dead_server_last_contact_threshold),
                max_trailing_logs: config.max_trailing_logs,
                min_quorum: config.min_quorum,
                server_stabilization_time: text(config.server_stabilization_time),
            })
        })
        .txn(Verb::Write, move |_: &Ctx, change: Change, txn: &mut Txn| {
            let mut txn = txn.elsewhere(records());
            let mut config = txn.get_for_update::<AutopilotConfig>(&config_key())?.unwrap_or_default();
            let before = config.clone();
            if let Some(cleanup) = change.cleanup_dead_servers {
                config.cleanup_dead_servers = cleanup;
            }
            for (of, wanted) in [
                (&mut config.last_contact_threshold, change.last_contact_threshold),
                (&mut config.dead_server_last_contact_threshold, change.dead_server_last_contact_threshold),
                (&mut config.server_stabilization_time, change.server_stabilization_time),
            ] {
                if let Some(Seconds(wanted)) = wanted.filter(|wanted| !wanted.0.is_zero()) {
                    *of = wanted;
                }
            }
            if let Some(most) = count("max_trailing_logs", change.max_trailing_logs)? {
                config.max_trailing_logs = most;
            }
            if let Some(fewest) = count("min_quorum", change.min_quorum)? {
                config.min_quorum = fewest;
            }
            if let Some(problem) = config.problem(replication.heartbeat()) {
                return Err(Failure::Invalid(problem));
            }
            if config != before {
                txn.put(&config_key(), &config)?;
            }
            Ok(Answer::empty())
        })
}

fn count(name: &str, given: Option<i64>) -> Result<Option<u64>> {
    let given = given.filter(|n| *n != 0);
    let read =
        |n| u64::try_from(n).map_err(|_| Failure::Invalid(format!("{name} must not be negative; received: {n}")));
    given.map(read).transpose()
}

fn text(span: Duration) -> String {
    duration::go(i128::try_from(span.as_nanos()).unwrap_or(i128::MAX))
}
