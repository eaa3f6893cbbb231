//! `holdfast patch`

use clap::Args;
use reqwest::Method;

use super::failure::{Done, Failure};
use super::globals::Globals;
use super::write;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast patch pki/roles/web allow_any_name=false")]
pub struct Arguments {
    /// The path in the API, without /v1/
    path: String,
    /// What changes: key=value, key=@file, key=- (standard input), @file.json, or - (JSON on standard input)
    #[arg(value_name = "K=V")]
    data: Vec<String>,
    /// Patch without any data
    #[arg(long, short)]
    force: bool,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let ask = write::ask(Method::PATCH, &arguments.path, &arguments.data, arguments.force)?;
    write::send(ask, globals, "patching data at").await
}
