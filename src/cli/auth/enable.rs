//! `holdfast auth enable`

use clap::Args;
use serde_json::{Value, json};

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::mounts::{self, Tuning};
use crate::cli::output;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast auth enable userpass\n  holdfast auth enable -path=staff -max-lease-ttl=12h userpass"
)]
pub struct Arguments {
    /// The method's type, such as userpass or approle
    #[arg(value_name = "TYPE")]
    kind: String,
    /// Where it is mounted, below auth/; else at its type
    #[arg(long)]
    path: Option<String>,
    /// Not for secondary clusters
    #[arg(long)]
    local: bool,
    /// Wrap what it stores by the seal as well
    #[arg(long)]
    seal_wrap: bool,
    /// Let it take randomness from the seal's device
    #[arg(long)]
    external_entropy_access: bool,
    /// What kind of tokens it gives out: default-service, default-batch, service or batch
    #[arg(long, value_name = "TYPE")]
    token_type: Option<String>,
    #[command(flatten)]
    tuning: Tuning,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let path = mounts::with_slash(arguments.path.as_ref().unwrap_or(&arguments.kind));
    let mut config = arguments.tuning.config();
    if let Some(kind) = arguments.token_type {
        config.insert("token_type".into(), kind.into());
    }
    let mut body = json!({
        "type": arguments.kind,
        "description": arguments.tuning.description().unwrap_or_default(),
        "local": arguments.local,
        "seal_wrap": arguments.seal_wrap,
        "external_entropy_access": arguments.external_entropy_access,
        "config": Value::Object(config),
    });
    if let Some(options) = arguments.tuning.options(None)? {
        body["options"] = options.into();
    }
    let doing = format!("enabling {} auth", arguments.kind);
    let client = globals.client()?;
    let reply = client.post(&format!("sys/auth/{}", path.trim_end_matches('/')), &body).await.doing(&doing)?;
    output::warnings(&reply.ok().doing(&doing)?);
    output::say(&format!("Success! Enabled {} auth method at: {path}", arguments.kind))
}
