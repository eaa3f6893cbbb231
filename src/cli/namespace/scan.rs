//! `holdfast namespace scan`

use clap::Args;
use reqwest::Method;

use crate::cli::client::Ask;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::list::keys;

#[derive(Args)]
#[command(after_help = "Examples:\n  holdfast namespace scan\n  holdfast namespace scan -format=json -detailed")]
pub struct Arguments {
    /// Show what is known of each
    #[arg(long)]
    detailed: bool,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let doing = "scanning namespaces";
    let ask = Ask::new(Method::GET, "sys/namespaces").query([("scan".to_owned(), "true".to_owned())]);
    let answer = globals.client()?.send(ask).await.doing(doing)?.found().doing(doing)?;
    keys(answer, arguments.detailed, "No namespaces found", globals)
}
