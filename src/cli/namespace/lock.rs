//! `holdfast namespace lock`

use clap::Args;
use reqwest::Method;
use serde_json::json;

use crate::cli::client::Ask;
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
    let doing = "locking the namespace";
    let answer = globals.client()?.send(arguments.ask()).await.doing(doing)?.ok().doing(doing)?;
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

impl Arguments {
    /// The key is shown once: asked again, the server would say that the namespace is locked.
    fn ask(&self) -> Ask {
        Ask::new(Method::PUT, &path("lock", self.path.as_deref())).body(&json!({})).once()
    }
}

pub(super) fn path(what: &str, path: Option<&str>) -> String {
    let below = path.map(|path| path.trim().trim_matches('/')).filter(|path| !path.is_empty());
    format!("sys/namespaces/api-lock/{what}{}", below.map(|path| format!("/{path}")).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_the_key_is_sent_once() {
        let ask = Arguments { path: Some("team/".to_owned()) }.ask();
        assert_eq!((ask.path.as_str(), ask.once), ("sys/namespaces/api-lock/lock/team", true));
    }
}
