//! `holdfast token capabilities`

use clap::Args;
use serde_json::json;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output::cell;

#[derive(Args)]
#[command(
    override_usage = "holdfast token capabilities [OPTIONS] [TOKEN] <PATH>",
    after_help = "Examples:\n  holdfast token capabilities secret/data/app\n  holdfast token capabilities s.abc secret/data/app\n  holdfast token capabilities -accessor 8fQ3… secret/data/app"
)]
pub struct Arguments {
    /// The path, and before it a token that is not the caller's own
    #[arg(value_name = "TOKEN|PATH", num_args = 1..=2, required = true)]
    named: Vec<String>,
    /// What stands before the path is an accessor
    #[arg(long)]
    accessor: bool,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let client = globals.client()?;
    let (path, body) = match (arguments.named.as_slice(), arguments.accessor) {
        ([_], true) => return Err(Failure::usage("-accessor needs an accessor and a path")),
        ([path], false) => ("sys/capabilities-self", json!({ "path": path })),
        ([token, path, ..], false) => ("sys/capabilities", json!({ "token": token, "path": path })),
        ([accessor, path, ..], true) => ("sys/capabilities-accessor", json!({ "accessor": accessor, "path": path })),
        ([], _) => return Err(Failure::usage("Which path?")),
    };
    let answer = client.post(path, &body).await.doing("listing capabilities")?.ok().doing("listing capabilities")?;
    let found = [&answer["capabilities"], &answer["data"]["capabilities"]].into_iter().find(|list| list.is_array());
    let mut names: Vec<String> = found.and_then(|list| list.as_array()).into_iter().flatten().map(cell).collect();
    names.sort();
    globals.output()?.value(&json!(names), || names.join(", "))
}
