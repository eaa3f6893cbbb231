//! `holdfast operator seal`

use clap::Args;
use serde_json::json;

use crate::cli::connection::Connection;
use crate::cli::failure::{Done, Failure};
use crate::cli::output;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    connection: Connection,
}

pub async fn run(arguments: Arguments) -> Result<Done, Failure> {
    let client = arguments.connection.client()?;
    client.put("sys/seal", &json!({})).await?.ok().map_err(|failure| failure.while_doing("sealing"))?;
    output::say("Success! Holdfast is sealed.")
}
