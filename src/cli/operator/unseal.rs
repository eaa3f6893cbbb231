//! `holdfast operator unseal`: one share, from the command line, a prompt or a pipe.

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use crate::cli::client::Ask;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::{prompt, status};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast operator unseal\n  holdfast operator unseal - < share.txt\n  holdfast operator unseal -reset"
)]
pub struct Arguments {
    /// The unseal key, or - for standard input. Without one it is asked for: a command line is seen by others
    key: Option<String>,
    /// Forget the keys given so far
    #[arg(long)]
    reset: bool,
    /// Give the key as one of the seal that is being left
    #[arg(long)]
    migrate: bool,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let client = globals.client()?;
    let mut asked = if arguments.reset {
        json!({ "reset": true })
    } else {
        let key = prompt::given_or_secret(globals, arguments.key, "Unseal Key (will be hidden): ")?;
        json!({ "key": key.as_str() })
    };
    if arguments.migrate {
        asked["migrate"] = true.into();
    }
    // A share that was taken would be the first of the next attempt.
    let asked = Ask::new(Method::PUT, "sys/unseal").body(&asked).once();
    let answer = client.send(asked).await.doing("unsealing")?.ok().doing("unsealing")?;
    let sealed = answer["sealed"].as_bool().unwrap_or(true);
    globals.output()?.value(&answer, || match &answer {
        Value::Object(all) => status::table(all, sealed),
        _ => String::new(),
    })
}
