//! `holdfast read`

use clap::Args;
use reqwest::Method;

use super::client::Ask;
use super::failure::{Done, Failure, While};
use super::globals::Globals;
use super::output::{self, Format};
use super::pairs;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast read sys/internal/counters/config\n  holdfast read -field=ttl auth/token/lookup-self\n  holdfast read secret/data/app version=2"
)]
pub struct Arguments {
    /// The path in the API, without /v1/
    path: String,
    /// Parameters of the query
    #[arg(value_name = "K=V")]
    data: Vec<String>,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let path = arguments.path.trim_matches('/');
    let ask = Ask::new(Method::GET, path).query(pairs::query(&arguments.data)?);
    let output = globals.output()?;
    let reply = globals.client()?.send(ask).await.doing(format_args!("reading {path}"))?;
    if output.format == Format::Raw && output.field.is_none() {
        return output::bytes(&reply.good().doing(format_args!("reading {path}"))?.raw);
    }
    let (is_text, status) = (reply.body.is_null() && !reply.raw.is_empty(), reply.status);
    let answer = reply.found().doing(format_args!("reading {path}"))?;
    match answer {
        None => Err(Failure::refused(format!("No value found at {path}"))),
        Some(_) if is_text => Err(Failure::refused(format!("{path} answers no JSON: add -format=raw to see it"))),
        Some(answer) if answer.is_null() => {
            Err(Failure::refused(format!("No value found at {path} (the server answers {status})")))
        }
        Some(answer) => output.secret(&whole(answer)),
    }
}

/// Some older endpoints of `sys/` answer without an envelope: then all of it is data.
fn whole(answer: serde_json::Value) -> serde_json::Value {
    let enveloped = ["data", "auth", "wrap_info"].iter().any(|key| answer.get(*key).is_some());
    if enveloped { answer } else { serde_json::json!({ "data": answer }) }
}
