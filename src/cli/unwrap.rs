//! `holdfast unwrap`: what a wrapping token stands for. It can be asked for once.

use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use super::failure::{Done, Failure, While};
use super::globals::Globals;
use super::prompt;

#[derive(Args)]
#[command(after_help = "Examples:\n  holdfast unwrap s.wrappingtoken\n  VAULT_TOKEN=s.wrappingtoken holdfast unwrap")]
pub struct Arguments {
    /// The wrapping token, or - to read it from standard input; without one, the caller's own token is one
    token: Option<String>,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let client = globals.client()?.unwrapped();
    let token = match arguments.token {
        None => None,
        given => Some(prompt::given_or_secret(globals, given, "")?),
    };
    let (client, asked) = match token {
        None => (client, json!({})),
        // Whoever has no other token is let in by this one; naming it in the body too would spend it twice.
        Some(token) if client.token().is_none() => {
            (client.with_token(Some(Zeroizing::new(token.to_string()))), json!({}))
        }
        Some(token) => (client, json!({ "token": token.as_str() })),
    };
    let answer = client.put("sys/wrapping/unwrap", &asked).await.doing("unwrapping")?.ok().doing("unwrapping")?;
    let output = globals.output()?;
    // What was wrapped may be the answer of a login, of a read, or of a listing.
    output.secret(&answer)
}
