//! `holdfast token renew`

use clap::Args;
use serde_json::{Map, Value};

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;

#[derive(Args)]
#[command(after_help = "Examples:\n  holdfast token renew\n  holdfast token renew -increment=30m s.abc")]
pub struct Arguments {
    /// The token, or its accessor with -accessor; without one, the caller's own
    token: Option<String>,
    /// What is named is an accessor
    #[arg(long, requires = "token")]
    accessor: bool,
    /// How long it shall live from now on; the server may give less
    #[arg(long, short, value_name = "DURATION")]
    increment: Option<String>,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let (path, name) = match (&arguments.token, arguments.accessor) {
        (None, _) => ("auth/token/renew-self", ""),
        (Some(_), false) => ("auth/token/renew", "token"),
        (Some(_), true) => ("auth/token/renew-accessor", "accessor"),
    };
    let mut body = Map::new();
    if let Some(token) = arguments.token {
        body.insert(name.to_owned(), token.into());
    }
    if let Some(increment) = arguments.increment {
        body.insert("increment".to_owned(), increment.into());
    }
    let reply = globals.client()?.post(path, &Value::Object(body)).await.doing("renewing token")?;
    let answer = reply.ok().doing("renewing token")?;
    globals.output()?.secret(&answer)
}
