//! `holdfast lease renew`

use clap::Args;
use serde_json::json;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast lease renew -increment=1h database/creds/app/27e1b9a1")]
pub struct Arguments {
    /// The lease's id
    id: String,
    /// How long it shall last from now on; the server may give less
    #[arg(long, short, value_name = "DURATION")]
    increment: Option<String>,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let doing = format!("renewing {}", arguments.id);
    let mut body = json!({ "lease_id": arguments.id });
    if let Some(increment) = arguments.increment {
        body["increment"] = increment.into();
    }
    let reply = globals.client()?.put("sys/leases/renew", &body).await.doing(&doing)?;
    globals.output()?.secret(&reply.ok().doing(&doing)?)
}
