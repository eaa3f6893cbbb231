//! `holdfast kv move`

use clap::Args;
use serde_json::json;

use super::mount::Target;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast kv move secret/app secret/old/app\n  holdfast kv move -cas=4 -replace secret/app archive/app"
)]
pub struct Arguments {
    #[command(flatten)]
    target: Target,
    /// Where it goes: a path like the first
    to: String,
    /// Move only if the newest version is this one
    #[arg(long, value_name = "NUMBER")]
    cas: Option<u64>,
    /// Remove a secret that is there already
    #[arg(long)]
    replace: bool,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let client = globals.client()?;
    let to = arguments.target.beside(arguments.to).versioned(&client, "Move").await?;
    let from = arguments.target.versioned(&client, "Move").await?;
    let options = arguments.cas.map_or(json!({}), |cas| json!({ "cas": cas }));
    let asked = json!({ "to": to.inside(), "to_mount": to.mount(), "replace": arguments.replace, "options": options });
    let doing = format!("moving {}", from.path("data"));
    let answer = client.post(&from.path("move"), &asked).await.doing(&doing)?.ok().doing(&doing)?;
    output::warnings(&answer);
    output::say(&format!("Success! Moved {} to: {}", from.path("data"), to.path("data")))
}
