//! `holdfast operator raft list-peers`

use clap::Args;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output::{self, cell};

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast operator raft list-peers")]
pub struct Arguments {}

pub async fn run(Arguments {}: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let doing = "reading the raft cluster configuration";
    let client = globals.client()?;
    let answer = client.get("sys/storage/raft/configuration").await.doing(doing)?.ok().doing(doing)?;
    globals.output()?.value(&answer, || {
        let servers = answer["data"]["config"]["servers"].as_array().into_iter().flatten();
        let rows: Vec<[String; 4]> = servers
            .map(|server| {
                let state = if server["leader"].as_bool().unwrap_or(false) { "leader" } else { "follower" };
                [cell(&server["node_id"]), cell(&server["address"]), state.to_owned(), cell(&server["voter"])]
            })
            .collect();
        output::table(["Node", "Address", "State", "Voter"], &rows)
    })
}
