//! `holdfast lease lookup`

use clap::Args;
use serde_json::json;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast lease lookup database/creds/app/27e1b9a1")]
pub struct Arguments {
    /// The lease's id
    id: String,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let doing = format!("looking up lease id {}", arguments.id);
    let reply = globals.client()?.put("sys/leases/lookup", &json!({ "lease_id": arguments.id })).await.doing(&doing)?;
    globals.output()?.secret(&reply.ok().doing(&doing)?)
}
