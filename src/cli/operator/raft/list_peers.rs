//! `holdfast operator raft list-peers`

use clap::Args;

use crate::cli::connection::Connection;
use crate::cli::failure::{Done, Failure};
use crate::cli::output::{self, FormatFlag, cell};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: FormatFlag,
}

pub async fn run(arguments: Arguments) -> Result<Done, Failure> {
    let client = arguments.connection.client()?;
    let answer = client.get("sys/storage/raft/configuration").await?.ok();
    let answer = answer.map_err(|failure| failure.while_doing("reading the raft cluster configuration"))?;
    arguments.output.format.print(&answer, || {
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
