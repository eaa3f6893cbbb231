//! `holdfast operator raft join URL`

use std::fs;
use std::path::Path;

use clap::Args;
use serde_json::{Map, Value};

use crate::cli::connection::Connection;
use crate::cli::failure::{Done, Failure};
use crate::cli::output::{self, FormatFlag};

#[derive(Args)]
pub struct Arguments {
    /// The URL of a member
    leader_api_addr: Option<String>,
    /// Who may have issued the member's certificate: PEM text, or @FILE
    #[arg(long, value_name = "PEM")]
    leader_ca_cert: Option<String>,
    /// The certificate to show the member: PEM text, or @FILE
    #[arg(long, value_name = "PEM")]
    leader_client_cert: Option<String>,
    /// The key of that certificate: PEM text, or @FILE
    #[arg(long, value_name = "PEM")]
    leader_client_key: Option<String>,
    /// Go on trying in the background
    #[arg(long)]
    retry: bool,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: FormatFlag,
}

pub async fn run(arguments: Arguments) -> Result<Done, Failure> {
    let client = arguments.connection.client()?;
    let mut asked = Map::new();
    asked.insert("leader_api_addr".into(), arguments.leader_api_addr.into());
    asked.insert("retry".into(), arguments.retry.into());
    for (key, given) in [
        ("leader_ca_cert", arguments.leader_ca_cert),
        ("leader_client_cert", arguments.leader_client_cert),
        ("leader_client_key", arguments.leader_client_key),
    ] {
        if let Some(given) = given {
            asked.insert(key.into(), text_or_file(given)?.into());
        }
    }
    let answer = client.post("sys/storage/raft/join", &Value::Object(asked)).await?.ok();
    let answer = answer.map_err(|failure| failure.while_doing("joining the node to the cluster"))?;
    let rows = [["Joined".to_owned(), output::cell(&answer["joined"])]];
    arguments.output.format.print(&answer, || output::table(["Key", "Value"], &rows))
}

fn text_or_file(given: String) -> Result<String, Failure> {
    match given.strip_prefix('@') {
        None => Ok(given),
        Some(file) => fs::read_to_string(file).map_err(|error| Failure::file(Path::new(file), error)),
    }
}
