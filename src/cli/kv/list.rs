//! `holdfast kv list`

use clap::Args;

use super::mount::Target;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast kv list secret/apps/")]
pub struct Arguments {
    #[command(flatten)]
    target: Target,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let client = globals.client()?;
    let location = arguments.target.locate(&client).await?;
    let path = location.path("metadata");
    let doing = format!("listing {path}");
    let answer = client.list(&path).await.doing(&doing)?.found().doing(&doing)?;
    let answer = answer.ok_or_else(|| Failure::refused(format!("No value found at {path}")))?;
    let output = globals.output()?;
    if answer["wrap_info"].is_object() {
        return output.secret(&answer);
    }
    let keys = &answer["data"]["keys"];
    output.value(keys, || output::listing(keys))
}
