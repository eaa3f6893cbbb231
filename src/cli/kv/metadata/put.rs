//! `holdfast kv metadata put`

use clap::Args;

use super::settings::Settings;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::kv::mount::Target;
use crate::cli::output;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast kv metadata put -max-versions=5 -custom-metadata=owner=web secret/app")]
pub struct Arguments {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    settings: Settings,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let client = globals.client()?;
    let path = arguments.target.versioned(&client, "Metadata").await?.path("metadata");
    let doing = format!("writing data to {path}");
    let answer = client.put(&path, &arguments.settings.body(&[])?).await.doing(&doing)?.ok().doing(&doing)?;
    output::warnings(&answer);
    output::say(&format!("Success! Data written to: {path}"))
}
