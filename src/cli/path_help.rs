//! `holdfast path-help`

use clap::Args;
use reqwest::Method;
use serde_json::Value;

use super::client::Ask;
use super::failure::{Done, Failure, While};
use super::globals::Globals;
use super::output::cell;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast path-help secret/data/app")]
pub struct Arguments {
    /// The path in the API, without /v1/
    path: String,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    show(arguments.path.trim_matches('/'), globals).await
}

/// Also for `auth help`.
pub async fn show(path: &str, globals: &Globals) -> Result<Done, Failure> {
    let ask = Ask::new(Method::GET, path).query([("help".to_owned(), "1".to_owned())]);
    let answer = globals.client()?.send(ask).await.doing("retrieving help")?.ok().doing("retrieving help")?;
    let help = [&answer["help"], &answer["data"]["help"]].into_iter().find(|help| help.is_string());
    globals.output()?.value(&answer, || help.map_or_else(String::new, |help: &Value| cell(help)))
}
