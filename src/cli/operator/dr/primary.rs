//! `holdfast operator dr primary …`

use clap::{Args, Subcommand};
use serde_json::json;

use super::{done, nothing};
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;

#[derive(Subcommand)]
pub enum Command {
    /// Let other clusters be copies of this one
    #[command(after_help = "Example:\n  holdfast operator dr primary enable")]
    Enable,
    /// Let none be; all secondaries are cut off
    #[command(after_help = "Example:\n  holdfast operator dr primary disable")]
    Disable,
    /// Make this primary a secondary, which serves nothing more
    #[command(after_help = "Example:\n  holdfast operator dr primary demote")]
    Demote,
    /// Make an activation token: with it another cluster becomes a copy of this one, once
    SecondaryToken(SecondaryToken),
    /// Cut a secondary off
    RevokeSecondary(RevokeSecondary),
}

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast operator dr primary secondary-token east\n  holdfast operator dr primary secondary-token -secondary-public-key=AQ… east"
)]
pub struct SecondaryToken {
    /// What the secondary is called from now on
    id: String,
    /// For how long the token counts
    #[arg(long, value_name = "DURATION")]
    ttl: Option<String>,
    /// What `operator dr secondary generate-public-key` printed at the secondary: the token is encrypted to it
    #[arg(long, value_name = "KEY")]
    secondary_public_key: Option<String>,
}

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast operator dr primary revoke-secondary east")]
pub struct RevokeSecondary {
    /// The secondary's name
    id: String,
}

pub async fn run(command: Command, globals: &Globals) -> Result<Done, Failure> {
    let client = globals.client()?;
    match command {
        Command::Enable => {
            let (path, doing) = ("sys/replication/dr/primary/enable", "enabling DR replication");
            done(&client, path, &nothing(), doing, "Success! Other clusters can be copies of this one.").await
        }
        Command::Disable => {
            let (path, doing) = ("sys/replication/dr/primary/disable", "disabling DR replication");
            done(&client, path, &nothing(), doing, "Success! No cluster is a copy of this one any more.").await
        }
        Command::Demote => {
            let (path, doing) = ("sys/replication/dr/primary/demote", "demoting the primary");
            done(&client, path, &nothing(), doing, "Success! This cluster is a DR secondary without a primary.").await
        }
        Command::SecondaryToken(SecondaryToken { id, ttl, secondary_public_key }) => {
            let mut body = json!({ "id": id });
            if let Some(ttl) = ttl {
                body["ttl"] = ttl.into();
            }
            if let Some(key) = secondary_public_key {
                body["secondary_public_key"] = key.into();
            }
            let doing = "making an activation token";
            let path = "sys/replication/dr/primary/secondary-token";
            let answer = client.post(path, &body).await.doing(doing)?.ok().doing(doing)?;
            globals.output()?.secret(&answer)
        }
        Command::RevokeSecondary(RevokeSecondary { id }) => {
            let (path, doing) = ("sys/replication/dr/primary/revoke-secondary", "revoking the secondary");
            done(&client, path, &json!({ "id": id }), doing, "Success! The secondary is cut off.").await
        }
    }
}
