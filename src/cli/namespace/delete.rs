//! `holdfast namespace delete`

use clap::Args;

use super::{at, shown};
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast namespace delete team/web")]
pub struct Arguments {
    /// Its path, from the namespace that is asked
    path: String,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    remove(&arguments.path, "", globals).await
}

/// It goes on behind the answer. One that is not there is no mistake: the server says so.
pub(super) async fn remove(path: &str, operation: &str, globals: &Globals) -> Result<Done, Failure> {
    let doing = format!("deleting namespace {path}");
    let answer = globals.client()?.delete(&at(path, operation)?).await.doing(&doing)?.ok().doing(&doing)?;
    let output = globals.output()?;
    if !output.for_people() {
        return output.secret(&answer);
    }
    output::warnings(&answer);
    match answer["data"]["status"].as_str() {
        Some(_) => output::say(&format!("Success! Namespace deletion scheduled: {}", shown(path))),
        None => Ok(Done::Good),
    }
}
