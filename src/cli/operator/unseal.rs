//! `holdfast operator unseal`: one share, from the command line, a prompt or a pipe.

use clap::Args;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::cli::connection::Connection;
use crate::cli::failure::{Done, Failure};
use crate::cli::output::FormatFlag;
use crate::cli::{prompt, status};

#[derive(Args)]
pub struct Arguments {
    /// The unseal key. Without one it is asked for, or read from standard input: a command line is seen by others
    key: Option<String>,
    /// Forget the keys given so far
    #[arg(long)]
    reset: bool,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: FormatFlag,
}

pub async fn run(arguments: Arguments) -> Result<Done, Failure> {
    let client = arguments.connection.client()?;
    let asked = if arguments.reset {
        json!({ "reset": true })
    } else {
        let key = match arguments.key {
            Some(key) if key != "-" => Zeroizing::new(key),
            _ => prompt::secret("Unseal Key (will be hidden): ")?,
        };
        json!({ "key": key.as_str() })
    };
    let answer = client.put("sys/unseal", &asked).await?.ok().map_err(|failure| failure.while_doing("unsealing"))?;
    let sealed = answer["sealed"].as_bool().unwrap_or(true);
    arguments.output.format.print(&answer, || match &answer {
        Value::Object(all) => status::table(all, sealed),
        _ => String::new(),
    })
}
