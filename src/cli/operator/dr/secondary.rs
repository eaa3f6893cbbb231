//! `holdfast operator dr secondary …`

use clap::{ArgGroup, Args, Subcommand};
use serde_json::json;

use super::{OperationToken, done};
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::operator::generate_root;
use crate::cli::prompt;

const PLACE: &str = "sys/replication/dr/secondary";

#[derive(Subcommand)]
pub enum Command {
    /// Make this cluster a copy of another, by an activation token of it
    Enable(Enable),
    /// Make this copy the primary
    Promote(Promote),
    /// Tell this copy of another primary, or where its primary is now
    UpdatePrimary(UpdatePrimary),
    /// Make this copy a cluster of its own
    #[command(after_help = "Example:\n  holdfast operator dr secondary disable -dr-token=- < token.txt")]
    Disable(Disable),
    /// Make a key that an activation token can be encrypted to
    #[command(after_help = "Example:\n  holdfast operator dr secondary generate-public-key")]
    GeneratePublicKey(GeneratePublicKey),
    /// Make an operation token, by the primary's unseal keys
    #[command(after_help = "Example:\n  holdfast operator dr secondary generate-operation-token")]
    GenerateOperationToken(generate_root::Arguments),
    /// Delete the operation token
    #[command(after_help = "Example:\n  holdfast operator dr secondary delete-operation-token")]
    DeleteOperationToken(Delete),
}

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast operator dr secondary enable - < token.txt")]
pub struct Enable {
    /// The activation token; - reads it from standard input. Without one it is asked for
    token: Option<String>,
    /// Although this cluster has mounts of its own, which are then gone
    #[arg(long)]
    force: bool,
}

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast operator dr secondary promote -dr-token=-  < token.txt")]
pub struct Promote {
    #[command(flatten)]
    token: OperationToken,
    /// Although the copy is known not to be complete: what it lacks is lost
    #[arg(long)]
    force: bool,
}

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast operator dr secondary update-primary -token=ACTIVATION\n  holdfast operator dr secondary update-primary -primary-address=10.0.0.7:8201 -primary-address=10.0.0.8:8201",
    group = ArgGroup::new("primary").required(true).args(["token", "primary_address"])
)]
pub struct UpdatePrimary {
    #[command(flatten)]
    operator: OperationToken,
    /// An activation token of the cluster that is to be the primary; an empty text: none for now
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Where the same primary is now: host and port of a node's cluster listener; may be given again, for each node in the
    /// order of dr status
    #[arg(long, value_name = "HOST:PORT")]
    primary_address: Vec<String>,
    /// Follow a primary with another root key: all that this copy has is replaced
    #[arg(long)]
    force: bool,
}

#[derive(Args)]
pub struct Disable {
    #[command(flatten)]
    token: OperationToken,
}

#[derive(Args)]
pub struct Delete {
    #[command(flatten)]
    token: OperationToken,
}

#[derive(Args)]
pub struct GeneratePublicKey {
    /// Where the cluster is a secondary: the operation token
    #[arg(long, value_name = "TOKEN")]
    dr_token: Option<String>,
}

pub async fn run(command: Command, globals: &Globals) -> Result<Done, Failure> {
    let client = globals.client()?;
    match command {
        Command::Enable(Enable { token, force }) => {
            let token = prompt::given_or_secret(globals, token, "Activation Token (will be hidden): ")?;
            let body = json!({ "token": token.as_str(), "force": force });
            let doing = "enabling the secondary";
            done(
                &client,
                &format!("{PLACE}/enable"),
                &body,
                doing,
                "Success! This cluster becomes a copy of the primary.",
            )
            .await
        }
        Command::Promote(Promote { token, force }) => {
            let body = token.with(json!({ "force": force }), globals)?;
            let doing = "promoting the secondary";
            done(&client, &format!("{PLACE}/promote"), &body, doing, "Success! This cluster is the DR primary.").await
        }
        Command::UpdatePrimary(UpdatePrimary { operator, token, primary_address, force }) => {
            let body = match token {
                Some(token) => json!({ "token": token, "force": force }),
                None => json!({ "update_primary_addrs": primary_address }),
            };
            let (body, doing) = (operator.with(body, globals)?, "telling the secondary of its primary");
            done(&client, &format!("{PLACE}/update-primary"), &body, doing, "Success! The secondary knows its primary.")
                .await
        }
        Command::Disable(Disable { token }) => {
            let (body, doing) = (token.with(json!({}), globals)?, "disabling the secondary");
            done(&client, &format!("{PLACE}/disable"), &body, doing, "Success! This cluster follows no other any more.")
                .await
        }
        Command::GeneratePublicKey(GeneratePublicKey { dr_token }) => {
            let body = dr_token.map_or_else(|| json!({}), |token| json!({ "dr_operation_token": token }));
            let doing = "making a public key";
            let answer =
                client.post(&format!("{PLACE}/generate-public-key"), &body).await.doing(doing)?.ok().doing(doing)?;
            globals.output()?.secret(&answer)
        }
        Command::GenerateOperationToken(arguments) => generate_root::run(arguments.for_operation(), globals).await,
        Command::DeleteOperationToken(Delete { token }) => {
            let (body, doing) = (token.with(json!({}), globals)?, "deleting the operation token");
            let path = format!("{PLACE}/operation-token/delete");
            done(&client, &path, &body, doing, "Success! The operation token counts no more.").await
        }
    }
}
