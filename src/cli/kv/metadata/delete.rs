//! `holdfast kv metadata delete`

use clap::Args;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::kv::mount::Target;
use crate::cli::output;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast kv metadata delete secret/app")]
pub struct Arguments {
    #[command(flatten)]
    target: Target,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let client = globals.client()?;
    let path = arguments.target.versioned(&client, "Metadata").await?.path("metadata");
    let doing = format!("deleting {path}");
    client.delete(&path).await.doing(&doing)?.ok().doing(&doing)?;
    output::say(&format!("Success! Data deleted (if it existed) at: {path}"))
}
