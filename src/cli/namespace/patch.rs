//! `holdfast namespace patch`

use clap::Args;
use serde_json::{Value, json};

use super::{at, metadata};
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast namespace patch -custom-metadata=owner=bob team\n  holdfast namespace patch -remove-custom-metadata=owner team/web"
)]
pub struct Arguments {
    /// Its path, from the namespace that is asked
    path: String,
    /// Text by name that is added or changed; may be given again
    #[arg(long, value_name = "K=V")]
    custom_metadata: Vec<String>,
    /// A name that goes; may be given again
    #[arg(long, value_name = "NAME")]
    remove_custom_metadata: Vec<String>,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let mut changes = metadata(&arguments.custom_metadata)?;
    for name in &arguments.remove_custom_metadata {
        if changes.insert(name.clone(), Value::Null).is_some() {
            return Err(Failure::usage(format!("{name:?} is both to be set and to be removed")));
        }
    }
    if changes.is_empty() {
        let problem = "Nothing to change: use -custom-metadata, -remove-custom-metadata";
        return Err(Failure::usage(problem));
    }
    let doing = format!("patching namespace {}", arguments.path);
    let reply = globals.client()?.patch(&at(&arguments.path, "")?, &json!({ "custom_metadata": changes })).await;
    globals.output()?.secret(&reply.doing(&doing)?.ok().doing(&doing)?)
}
