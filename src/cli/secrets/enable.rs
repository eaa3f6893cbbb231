//! `holdfast secrets enable`

use clap::Args;
use serde_json::{Value, json};

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::mounts::{self, Tuning};
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
    /// Not for secondary clusters
    #[arg(long)]
    local: bool,
    /// Wrap what it stores by the seal as well
    #[arg(long)]
    seal_wrap: bool,
    /// Let it take randomness from the seal's device
    #[arg(long)]
    external_entropy_access: bool,
    #[command(flatten)]
    tuning: Tuning,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let path = mounts::with_slash(arguments.path.as_ref().unwrap_or(&arguments.kind));
    let mut config = arguments.tuning.config();
    config.insert("force_no_cache".into(), arguments.force_no_cache.into());
    let mut body = json!({
        "type": arguments.kind,
        "description": arguments.tuning.description().unwrap_or_default(),
        "local": arguments.local,
        "seal_wrap": arguments.seal_wrap,
        "external_entropy_access": arguments.external_entropy_access,
        "config": Value::Object(config),
    });
    if let Some(options) = arguments.tuning.options(arguments.version.as_deref())? {
        body["options"] = options.into();
    }
    let client = globals.client()?;
    let reply = client.post(&format!("sys/mounts/{}", path.trim_end_matches('/')), &body).await;
    let answer = reply.doing("enabling")?.ok().doing("enabling")?;
    output::warnings(&answer);
    output::say(&format!("Success! Enabled the {} secrets engine at: {path}", arguments.kind))
}
