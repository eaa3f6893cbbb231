//! `holdfast secrets enable`

use clap::Args;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::mounts::{self, Making};
use crate::cli::output;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast secrets enable -path=team -version=2 kv\n  holdfast secrets enable kv-v2\n  holdfast secrets enable -max-lease-ttl=72h database"
)]
pub struct Arguments {
    /// The engine's type, such as kv, kv-v2, transit or pki
    #[arg(value_name = "TYPE")]
    kind: String,
    /// Where it is mounted; else at its type
    #[arg(long)]
    path: Option<String>,
    /// The version of the key-value engine: 1 or 2
    #[arg(long, value_name = "NUMBER")]
    version: Option<String>,
    /// Never cache what it reads
    #[arg(long)]
    force_no_cache: bool,
    #[command(flatten)]
    making: Making,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let path = mounts::with_slash(arguments.path.as_ref().unwrap_or(&arguments.kind));
    let no_cache = ("force_no_cache", Some(arguments.force_no_cache.into()));
    let body = arguments.making.body(&arguments.kind, no_cache, arguments.version.as_deref())?;
    let client = globals.client()?;
    let reply = client.post(&format!("sys/mounts/{}", path.trim_end_matches('/')), &body).await;
    let answer = reply.doing("enabling")?.ok().doing("enabling")?;
    output::warnings(&answer);
    output::say(&format!("Success! Enabled the {} secrets engine at: {path}", arguments.kind))
}
