//! `holdfast policy list`

use clap::Args;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output::cell;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast policy list")]
pub struct Arguments {}

pub async fn run(Arguments {}: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let answer = globals.client()?.list("sys/policies/acl").await.doing("listing policies")?;
    let answer = answer.ok().doing("listing policies")?;
    let names = &answer["data"]["keys"];
    globals.output()?.value(names, || {
        let names: Vec<String> = names.as_array().into_iter().flatten().map(cell).collect();
        names.join("\n")
    })
}
