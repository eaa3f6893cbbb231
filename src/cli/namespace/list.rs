//! `holdfast namespace list`

use clap::Args;

use crate::cli::client::Ask;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::list::keys;

#[derive(Args)]
#[command(after_help = "Examples:\n  holdfast namespace list\n  holdfast namespace list -ns=team -detailed")]
pub struct Arguments {
    /// Begin behind this one
    #[arg(long, value_name = "NAME")]
    after: Option<String>,
    /// At most so many
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u64>,
    /// Show what is known of each
    #[arg(long)]
    detailed: bool,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let page = [("after", arguments.after), ("limit", arguments.limit.map(|limit| limit.to_string()))];
    let page = page.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    let doing = "listing namespaces";
    let answer = globals.client()?.send(Ask::list("sys/namespaces").query(page)).await.doing(doing)?.found();
    keys(answer.doing(doing)?, arguments.detailed, "No namespaces found", globals)
}
