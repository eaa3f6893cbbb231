//! `holdfast operator init`

use clap::Args;
use serde_json::{Value, json};

use crate::cli::connection::Connection;
use crate::cli::failure::{Done, Failure};
use crate::cli::output::{self, FormatFlag};

#[derive(Args)]
pub struct Arguments {
    /// Number of unseal keys to split the key into
    #[arg(long, short = 'n', default_value_t = 5)]
    key_shares: u32,
    /// Number of unseal keys that are needed together
    #[arg(long, short = 't', default_value_t = 3)]
    key_threshold: u32,
    /// Only say whether the server is initialised; exit status 2 if not
    #[arg(long)]
    status: bool,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: FormatFlag,
}

pub async fn run(arguments: Arguments) -> Result<Done, Failure> {
    let client = arguments.connection.client()?;
    if arguments.status {
        let answer =
            client.get("sys/init").await?.ok().map_err(|failure| failure.while_doing("checking init status"))?;
        return match answer["initialized"].as_bool() {
            Some(true) => output::say("Holdfast is initialized"),
            _ => Err(Failure::refused("Holdfast is not initialized")),
        };
    }
    let (shares, threshold) = (arguments.key_shares, arguments.key_threshold);
    let asked = json!({ "secret_shares": shares, "secret_threshold": threshold });
    let answer = client.put("sys/init", &asked).await?.ok().map_err(|failure| failure.while_doing("initializing"))?;
    let for_programs = json!({
        "unseal_keys_b64": answer["keys_base64"],
        "unseal_keys_hex": answer["keys"],
        "unseal_shares": shares,
        "unseal_threshold": threshold,
        "recovery_keys_b64": answer["recovery_keys_base64"].as_array().cloned().unwrap_or_default(),
        "recovery_keys_hex": answer["recovery_keys"].as_array().cloned().unwrap_or_default(),
        "recovery_keys_shares": 0,
        "recovery_keys_threshold": 0,
        "root_token": answer["root_token"],
    });
    arguments.output.format.print(&for_programs, || for_people(&answer, shares, threshold))
}

fn for_people(answer: &Value, shares: u32, threshold: u32) -> String {
    let mut text = String::new();
    for (number, key) in answer["keys_base64"].as_array().into_iter().flatten().enumerate() {
        text.push_str(&format!("Unseal Key {}: {}\n", number + 1, output::cell(key)));
    }
    text.push_str(&format!("\nInitial Root Token: {}\n\n", output::cell(&answer["root_token"])));
    text.push_str(&format!(
        "The key is split into {shares} shares, any {threshold} of which unseal a node. Give them to different people:\n\
         nobody can read what is stored without them, and they are not shown again."
    ));
    text
}
