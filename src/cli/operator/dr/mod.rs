//! `holdfast operator dr …`: another cluster as the copy of this one, or the other way round.

mod drill;
mod primary;
mod secondary;
mod status;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::cli::client::Client;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output;
use crate::cli::prompt;

#[derive(Subcommand)]
pub enum Command {
    /// Show how the cluster stands to others, and how far its copies are
    Status(status::Arguments),
    /// Find out whether a disaster would be survived: make a copy here, compare it, promote it, throw it away
    Drill(drill::Arguments),
    /// The cluster that others are copies of
    #[command(subcommand)]
    Primary(primary::Command),
    /// The cluster that is the copy of another
    #[command(subcommand)]
    Secondary(secondary::Command),
}

pub async fn run(command: Command, globals: &Globals) -> Result<Done, Failure> {
    match command {
        Command::Status(arguments) => status::run(arguments, globals).await,
        Command::Drill(arguments) => drill::run(arguments, globals).await,
        Command::Primary(command) => primary::run(command, globals).await,
        Command::Secondary(command) => secondary::run(command, globals).await,
    }
}

/// What acts on a secondary, where no other token counts.
#[derive(Args)]
struct OperationToken {
    /// The operation token, or a batch token of the primary; - reads it from standard input. Without one it is asked for
    #[arg(long, value_name = "TOKEN")]
    dr_token: Option<String>,
}

impl OperationToken {
    fn get(&self, globals: &Globals) -> Result<Zeroizing<String>, Failure> {
        prompt::given_or_secret(globals, self.dr_token.clone(), "DR Operation Token (will be hidden): ")
    }

    /// The body with it.
    fn with(&self, mut body: Value, globals: &Globals) -> Result<Value, Failure> {
        body["dr_operation_token"] = self.get(globals)?.as_str().into();
        Ok(body)
    }
}

/// Does it, and shows what the server says of it.
async fn done(client: &Client, path: &str, body: &Value, doing: &str, success: &str) -> Result<Done, Failure> {
    let answer = client.post(path, body).await.doing(doing)?.ok().doing(doing)?;
    output::warnings(&answer);
    output::say(success)
}

fn nothing() -> Value {
    json!({})
}
