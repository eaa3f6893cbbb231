//! `holdfast operator rotate`

use clap::Args;
use serde_json::json;

use super::key_status;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast operator rotate")]
pub struct Arguments {}

pub async fn run(Arguments {}: Arguments, globals: &Globals) -> Result<Done, Failure> {
    rotate("sys/rotate", globals).await
}

/// The two routes differ in their name alone.
pub async fn rotate(path: &str, globals: &Globals) -> Result<Done, Failure> {
    let client = globals.client()?;
    client.put(path, &json!({})).await.doing("rotating key")?.ok().doing("rotating key")?;
    key_status::print(&client, globals, "Success! Rotated key\n\n").await
}
