//! `holdfast namespace create`

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use super::{at, metadata, shown};
use crate::cli::client::Ask;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::operator::numbered;
use crate::cli::{output, pairs};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast namespace create team\n  holdfast namespace create -custom-metadata=owner=ann team/web\n  holdfast namespace create -key-shares=3 -key-threshold=2 vip\n  holdfast namespace create -seal=seal.hcl vip"
)]
pub struct Arguments {
    /// Its path, from the namespace that is asked
    path: String,
    /// Text by name, shown with it; may be given again
    #[arg(long, value_name = "K=V")]
    custom_metadata: Vec<String>,
    /// A file with one seal stanza, for a seal of its own; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key_shares", "key_threshold"])]
    seal: Option<String>,
    /// With a seal of its own: number of unseal keys to split its key into
    #[arg(long, short = 'n', value_name = "NUMBER", requires = "key_threshold")]
    key_shares: Option<u32>,
    /// With a seal of its own: number of unseal keys that are needed together
    #[arg(long, short = 't', value_name = "NUMBER", requires = "key_shares")]
    key_threshold: Option<u32>,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let (client, ask) = (globals.client()?, arguments.ask()?);
    let doing = format!("creating namespace {}", arguments.path);
    // What is there would lose its metadata. Of one that is being removed the server says so.
    let there = client.look(&ask.path).await.doing(&doing)?.found().doing(&doing)?;
    if there.is_some_and(|there| there["data"]["tainted"] != true) {
        let path = shown(&arguments.path);
        let text = format!("Namespace is there already: {path} (change it with `holdfast namespace patch`)");
        return Err(Failure::refused(text));
    }
    let answer = client.send(ask).await.doing(&doing)?.ok().doing(&doing)?;
    if answer["wrap_info"].is_object() {
        return globals.output()?.secret(&answer);
    }
    output::warnings(&answer);
    let made = &answer["data"];
    globals.output()?.value(made, || for_people(made))
}

impl Arguments {
    fn ask(&self) -> Result<Ask, Failure> {
        let mut asked = json!({ "custom_metadata": metadata(&self.custom_metadata)? });
        let ask = Ask::new(Method::PUT, &at(&self.path, "")?);
        let Some(seal) = self.seal()? else { return Ok(ask.body(&asked)) };
        asked["seal"] = seal.into();
        // Its shares are shown once: asked again, the server would say that there is such a namespace.
        Ok(ask.body(&asked).once())
    }

    fn seal(&self) -> Result<Option<String>, Failure> {
        if let (Some(shares), Some(threshold)) = (self.key_shares, self.key_threshold) {
            return Ok(Some(format!("seal \"shamir\" {{\n  shares    = {shares}\n  threshold = {threshold}\n}}\n")));
        }
        let Some(named) = &self.seal else { return Ok(None) };
        let source = if named == "-" || named.starts_with('@') { named.clone() } else { format!("@{named}") };
        pairs::text(&source).map(Some)
    }
}

fn for_people(made: &Value) -> String {
    let mut rest = made.clone();
    let shares = rest.as_object_mut().and_then(|fields| fields.remove("key_shares")).unwrap_or_default();
    let rows = output::object_rows(&rest);
    let Some(count) = shares.as_array().map(Vec::len) else { return output::pairs(&rows) };
    format!(
        "{}\nThe namespace's key is split into {count} shares, {} of which together unseal it. Give them to different people:\n\
         nobody can read what it stores without them, and they are not shown again.\n\n{}",
        numbered("Unseal Key", &shares),
        output::cell(&made["key_threshold"]),
        output::pairs(&rows)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_shares_is_sent_once() {
        let ask = |key_shares, key_threshold| {
            let (path, custom_metadata, seal) = ("vip".to_owned(), Vec::new(), None);
            Arguments { path, custom_metadata, seal, key_shares, key_threshold }.ask().ok().unwrap()
        };
        assert!(ask(Some(3), Some(2)).once && !ask(None, None).once);
        assert_eq!(ask(None, None).path, "sys/namespaces/vip");
    }
}
