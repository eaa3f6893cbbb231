//! `holdfast operator key-status`

use clap::Args;
use serde_json::Value;

use crate::cli::client::Client;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output::{self, cell};

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast operator key-status")]
pub struct Arguments {}

pub async fn run(Arguments {}: Arguments, globals: &Globals) -> Result<Done, Failure> {
    print(&globals.client()?, globals, "").await
}

/// Also after a rotation, whose word goes before.
pub async fn print(client: &Client, globals: &Globals, before: &str) -> Result<Done, Failure> {
    let doing = "reading key status";
    let status = client.get("sys/key-status").await.doing(doing)?.inside().doing(doing)?;
    globals.output()?.value(&status, || format!("{before}{}", table(&status)))
}

fn table(status: &Value) -> String {
    let names = [("term", "Key Term"), ("install_time", "Install Time"), ("encryptions", "Encryption Count")];
    let rows = names.map(|(key, name)| [name.to_owned(), cell(&status[key])]);
    output::pairs(&rows)
}
