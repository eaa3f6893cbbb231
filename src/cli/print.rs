//! `holdfast print token`

use clap::{Args, Subcommand};

use super::failure::{Done, Failure};
use super::globals::Globals;
use super::{output, token_file};

#[derive(Subcommand)]
pub enum Command {
    /// Print the token that commands would use
    Token(Token),
}

#[derive(Args)]
#[command(after_help = "Example:\n  curl -H \"X-Vault-Token: $(holdfast print token)\" $VAULT_ADDR/v1/sys/mounts")]
pub struct Token {}

pub fn run(command: Command, _globals: &Globals) -> Result<Done, Failure> {
    let Command::Token(Token {}) = command;
    output::say(token_file::token()?.as_ref().map_or("", |token| token.as_str()))
}
