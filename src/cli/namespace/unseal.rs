//! `holdfast namespace unseal`: one share, from the command line, a prompt or a pipe; or the word that its key service may.

use clap::Args;
use reqwest::Method;
use serde_json::json;

use super::{at, seal_status};
use crate::cli::client::Ask;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::{output, prompt};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast namespace unseal vip\n  holdfast namespace unseal vip - < share.txt\n  holdfast namespace unseal -service vip\n  holdfast namespace unseal -reset vip"
)]
pub struct Arguments {
    /// Its path, from the namespace that is asked
    path: String,
    /// The unseal key, or - for standard input. Without one it is asked for: a command line is seen by others
    #[arg(conflicts_with_all = ["reset", "service"])]
    key: Option<String>,
    /// Forget the keys given so far
    #[arg(long, conflicts_with = "service")]
    reset: bool,
    /// Have it opened by its key service
    #[arg(long)]
    service: bool,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let client = globals.client()?;
    let asked = if arguments.reset {
        json!({ "reset": true })
    } else if arguments.service {
        json!({})
    } else {
        let key = prompt::given_or_secret(globals, arguments.key, "Unseal Key (will be hidden): ")?;
        json!({ "key": key.as_str() })
    };
    let doing = format!("unsealing namespace {}", arguments.path);
    // A share that was taken would be the first of the next attempt.
    let ask = Ask::new(Method::PUT, &at(&arguments.path, "unseal")?).body(&asked).once();
    let answer = client.send(ask).await.doing(&doing)?.ok().doing(&doing)?;
    output::warnings(&answer);
    seal_status::show(&answer["data"], globals)
}
