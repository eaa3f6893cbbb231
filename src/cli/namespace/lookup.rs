//! `holdfast namespace lookup`

use clap::Args;

use super::at;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;

#[derive(Args)]
#[command(after_help = "Examples:\n  holdfast namespace lookup team\n  holdfast namespace lookup -field=id team/web")]
pub struct Arguments {
    /// Its path, from the namespace that is asked
    path: String,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let doing = format!("looking up namespace {}", arguments.path);
    let answer = globals.client()?.get(&at(&arguments.path, "")?).await.doing(&doing)?.found().doing(&doing)?;
    let answer = answer.ok_or_else(|| Failure::refused(format!("Namespace not found: {}", arguments.path)))?;
    globals.output()?.secret(&answer)
}
