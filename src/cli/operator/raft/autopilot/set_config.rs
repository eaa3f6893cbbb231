//! `holdfast operator raft autopilot set-config`

use clap::Args;
use serde_json::{Map, Value};

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output;

#[derive(Args)]
#[command(
    after_help = "Example:\n  holdfast operator raft autopilot set-config -cleanup-dead-servers=true -min-quorum=3"
)]
pub struct Arguments {
    /// Whether nodes that are gone are taken out of the cluster
    #[arg(long, value_name = "TRUE|FALSE", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    cleanup_dead_servers: Option<bool>,
    /// After how long without a word from the leader a node is not healthy
    #[arg(long, value_name = "DURATION")]
    last_contact_threshold: Option<String>,
    /// After how long without a word a node is gone
    #[arg(long, value_name = "DURATION")]
    dead_server_last_contact_threshold: Option<String>,
    /// By how many entries of the log a node may be behind
    #[arg(long, value_name = "NUMBER")]
    max_trailing_logs: Option<u64>,
    /// So many nodes stay, gone or not
    #[arg(long, value_name = "NUMBER")]
    min_quorum: Option<u64>,
    /// How long a node must be healthy before it votes
    #[arg(long, value_name = "DURATION")]
    server_stabilization_time: Option<String>,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let body = arguments.body();
    if body.is_empty() {
        return Err(Failure::usage("Nothing to set: name at least one of the flags that -help shows"));
    }
    let doing = "writing autopilot configuration";
    let path = "sys/storage/raft/autopilot/configuration";
    globals.client()?.post(path, &Value::Object(body)).await.doing(doing)?.ok().doing(doing)?;
    output::say("Success! The autopilot configuration is changed.")
}

impl Arguments {
    fn body(self) -> Map<String, Value> {
        let given = [
            ("cleanup_dead_servers", self.cleanup_dead_servers.map(Value::from)),
            ("last_contact_threshold", self.last_contact_threshold.map(Value::from)),
            ("dead_server_last_contact_threshold", self.dead_server_last_contact_threshold.map(Value::from)),
            ("max_trailing_logs", self.max_trailing_logs.map(Value::from)),
            ("min_quorum", self.min_quorum.map(Value::from)),
            ("server_stabilization_time", self.server_stabilization_time.map(Value::from)),
        ];
        given.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }
}
