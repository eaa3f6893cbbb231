//! `holdfast token lookup`

use clap::Args;
use serde_json::json;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;

#[derive(Args)]
#[command(after_help = "Examples:\n  holdfast token lookup\n  holdfast token lookup -accessor 8fQ3…")]
pub struct Arguments {
    /// The token, or its accessor with -accessor; without one, the caller's own
    token: Option<String>,
    /// What is named is an accessor
    #[arg(long, requires = "token")]
    accessor: bool,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let client = globals.client()?;
    let reply = match (arguments.token, arguments.accessor) {
        (None, _) => client.get("auth/token/lookup-self").await,
        (Some(token), false) => client.post("auth/token/lookup", &json!({ "token": token })).await,
        (Some(accessor), true) => client.post("auth/token/lookup-accessor", &json!({ "accessor": accessor })).await,
    };
    let answer = reply.doing("looking up token")?.ok().doing("looking up token")?;
    globals.output()?.secret(&answer)
}
