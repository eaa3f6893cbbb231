//! `holdfast lease revoke`

use clap::Args;
use serde_json::json;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast lease revoke database/creds/app/27e1b9a1\n  holdfast lease revoke -prefix database/creds/app"
)]
pub struct Arguments {
    /// The lease's id, or with -prefix the path below which all leases end
    id: String,
    /// All leases below this path
    #[arg(long)]
    prefix: bool,
    /// Forget the leases even if what they stand for cannot be ended; it may go on living
    #[arg(long, short, requires = "prefix")]
    force: bool,
    /// Come back when it is done, not when it is begun
    #[arg(long)]
    sync: bool,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let id = arguments.id.trim_matches('/');
    let (path, what) = match (arguments.force, arguments.prefix) {
        (true, _) => ("sys/leases/revoke-force", format!("force revoking leases with prefix {id}")),
        (_, true) => ("sys/leases/revoke-prefix", format!("revoking leases with prefix {id}")),
        _ => ("sys/leases/revoke", format!("revoking lease {id}")),
    };
    if arguments.force {
        eprintln!("Warning! What these leases stand for is not ended where that fails: look after it yourself.");
    }
    let client = globals.client()?;
    let reply = client.put(&format!("{path}/{id}"), &json!({ "sync": arguments.sync })).await.doing(&what)?;
    output::warnings(&reply.ok().doing(&what)?);
    output::say(&match (arguments.force, arguments.sync, arguments.prefix) {
        (true, ..) => format!("Success! Force revoked any leases with prefix: {id}"),
        (_, true, true) => format!("Success! Revoked any leases with prefix: {id}"),
        (_, true, _) => format!("Success! Revoked lease: {id}"),
        _ => "All revocation operations queued successfully!".to_owned(),
    })
}
