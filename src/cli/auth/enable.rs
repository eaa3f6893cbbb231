//! `holdfast auth enable`

use clap::Args;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::mounts::{self, Making};
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
    /// What kind of tokens it gives out: default-service, default-batch, service or batch
    #[arg(long, value_name = "TYPE")]
    token_type: Option<String>,
    #[command(flatten)]
    making: Making,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let path = mounts::with_slash(arguments.path.as_ref().unwrap_or(&arguments.kind));
    let token_type = arguments.token_type.map(Into::into);
    let body = arguments.making.body(&arguments.kind, ("token_type", token_type), None)?;
    let doing = format!("enabling {} auth", arguments.kind);
    let client = globals.client()?;
    let reply = client.post(&format!("sys/auth/{}", path.trim_end_matches('/')), &body).await.doing(&doing)?;
    output::warnings(&reply.ok().doing(&doing)?);
    output::say(&format!("Success! Enabled {} auth method at: {path}", arguments.kind))
}
