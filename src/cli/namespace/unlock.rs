//! `holdfast namespace unlock`

use clap::Args;
use serde_json::json;

use super::lock;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::{output, prompt};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast namespace unlock -unlock-key=- team < key.txt\n  holdfast namespace unlock team\n  holdfast namespace unlock -ns=team"
)]
pub struct Arguments {
    /// Its path, from the namespace that is asked; that one itself without it
    path: Option<String>,
    /// What locking it has shown, or - for standard input; whoever has the sudo capability can do without
    #[arg(long, value_name = "KEY")]
    unlock_key: Option<String>,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let mut asked = json!({});
    if let Some(key) = arguments.unlock_key {
        asked["unlock_key"] = prompt::given_or_secret(globals, Some(key), "")?.as_str().into();
    }
    let doing = "unlocking the namespace";
    let reply = globals.client()?.put(&lock::path("unlock", arguments.path.as_deref()), &asked).await;
    output::warnings(&reply.doing(doing)?.ok().doing(doing)?);
    output::say("Success! The namespace is unlocked")
}
