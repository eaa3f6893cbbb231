//! `holdfast kv list`

use clap::Args;

use super::{Target, mount};
use crate::cli::failure::{Done, Failure};
use crate::cli::output::{self, cell};

#[derive(Args)]
pub struct Arguments {
    /// The path to list below, its mount first
    path: String,
    #[command(flatten)]
    target: Target,
}

pub async fn run(arguments: Arguments) -> Result<Done, Failure> {
    let target = &arguments.target;
    let client = target.connection.client()?;
    let location = mount::locate(&client, target.mount.as_deref(), &arguments.path).await?;
    let path = location.path("metadata");
    let answer = client.list(&path).await?.found();
    let answer = answer.map_err(|failure| failure.while_doing(format_args!("listing {path}")))?;
    let answer = answer.ok_or_else(|| Failure::refused(format!("No value found at {path}")))?;
    let keys = &answer["data"]["keys"];
    target.output.format.print(keys, || {
        let rows: Vec<[String; 1]> = keys.as_array().into_iter().flatten().map(|key| [cell(key)]).collect();
        output::table(["Keys"], &rows)
    })
}
