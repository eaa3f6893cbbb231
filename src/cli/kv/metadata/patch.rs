//! `holdfast kv metadata patch`

use clap::Args;

use super::settings::Settings;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::kv::mount::Target;
use crate::cli::output;

#[derive(Args)]
#[command(
    after_help = "Example:\n  holdfast kv metadata patch -custom-metadata=owner=ops -remove-custom-metadata=old secret/app"
)]
pub struct Arguments {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    settings: Settings,
    /// A key of the custom metadata to take away; may be given again
    #[arg(long, value_name = "KEY")]
    remove_custom_metadata: Vec<String>,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let client = globals.client()?;
    let path = arguments.target.versioned(&client, "Metadata").await?.path("metadata");
    let doing = format!("patching {path}");
    let body = arguments.settings.body(&arguments.remove_custom_metadata)?;
    output::warnings(&client.patch(&path, &body).await.doing(&doing)?.ok().doing(&doing)?);
    output::say(&format!("Success! Data written to: {path}"))
}
