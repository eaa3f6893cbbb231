//! `holdfast namespace lock`

use clap::Args;
use serde_json::json;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output::{self, cell};

#[derive(Args)]
#[command(after_help = "Examples:\n  holdfast namespace lock team/web\n  holdfast namespace lock -ns=team")]
pub struct Arguments {
    /// Its path, from the namespace that is asked; that one itself without it
    path: Option<String>,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let path = path("lock", arguments.path.as_deref());
    let doing = "locking the namespace";
    let answer = globals.client()?.put(&path, &json!({})).await.doing(doing)?.ok().doing(doing)?;
    let output = globals.output()?;
    if answer["wrap_info"].is_object() {
        return output.secret(&answer);
    }
    output::warnings(&answer);
    let locked = &answer["data"];
    output.value(locked, || {
        format!(
            "Unlock Key: {}\n\n\
             The namespace answers nothing until it is unlocked by this key, which is not shown again, or by somebody who has\n\
             the sudo capability.",
            cell(&locked["unlock_key"])
        )
    })
}

pub(super) fn path(what: &str, path: Option<&str>) -> String {
    let below = path.map(|path| path.trim().trim_matches('/')).filter(|path| !path.is_empty());
    format!("sys/namespaces/api-lock/{what}{}", below.map(|path| format!("/{path}")).unwrap_or_default())
}
