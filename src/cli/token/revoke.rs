//! `holdfast token revoke`

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast token revoke s.abc\n  holdfast token revoke -self\n  holdfast token revoke -mode=path auth/userpass/login/ann"
)]
pub struct Arguments {
    /// The token; its accessor with -accessor; a path with -mode=path
    #[arg(conflicts_with = "itself", required_unless_present = "itself")]
    token: Option<String>,
    /// The caller's own token
    #[arg(long = "self")]
    itself: bool,
    /// What is named is an accessor
    #[arg(long, conflicts_with_all = ["itself", "mode"])]
    accessor: bool,
    /// orphan: the children live on. path: all tokens that were made below this path
    #[arg(long, conflicts_with = "itself")]
    mode: Option<Mode>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    Orphan,
    Path,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let client = globals.client()?;
    let named = arguments.token.unwrap_or_default();
    let path = match arguments.mode {
        Some(Mode::Path) => format!("sys/leases/revoke-prefix/{}", named.trim_matches('/')),
        Some(Mode::Orphan) => "auth/token/revoke-orphan".to_owned(),
        None if arguments.itself => "auth/token/revoke-self".to_owned(),
        None if arguments.accessor => "auth/token/revoke-accessor".to_owned(),
        None => "auth/token/revoke".to_owned(),
    };
    let body = match (arguments.mode, arguments.itself, arguments.accessor) {
        (Some(Mode::Path), ..) | (None, true, _) => json!({}),
        (None, _, true) => json!({ "accessor": named }),
        _ => json!({ "token": named }),
    };
    let answer = client.post(&path, &body).await.doing("revoking token")?.ok().doing("revoking token")?;
    output::warnings(&answer);
    output::say("Success! Revoked token (if it existed)")
}
