//! `holdfast operator step-down`

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
    client.put("sys/step-down", &json!({})).await?.ok().map_err(|failure| failure.while_doing("stepping down"))?;
    output::say("Success! The active node was told to step down.")
}
