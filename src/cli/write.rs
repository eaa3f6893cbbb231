//! `holdfast write`

use clap::Args;
use reqwest::Method;
use serde_json::Value;

use super::client::Ask;
use super::failure::{Done, Failure, While};
use super::globals::Globals;
use super::output;
use super::pairs;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast write auth/userpass/users/ann password=@ann.txt policies=dev\n  holdfast write -f sys/rotate\n  echo '{\"ttl\":\"1h\"}' | holdfast write auth/token/create -"
)]
pub struct Arguments {
    /// The path in the API, without /v1/
    path: String,
    /// key=value, key=@file, key=- (standard input), @file.json, or - (JSON on standard input)
    #[arg(value_name = "K=V")]
    data: Vec<String>,
    /// Write without any data
    #[arg(long, short)]
    force: bool,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let ask = ask(Method::PUT, &arguments.path, &arguments.data, arguments.force)?;
    send(ask, globals, "writing data to").await
}

/// What `write` and `patch` have in common: data, or the word that there is none.
pub fn ask(method: Method, path: &str, data: &[String], force: bool) -> Result<Ask, Failure> {
    let data = pairs::read_any(data)?;
    if data.is_empty() && !force {
        return Err(Failure::usage("Must supply data or use -force"));
    }
    Ok(Ask::new(method, path.trim_matches('/')).body(&Value::Object(data)))
}

pub async fn send(ask: Ask, globals: &Globals, doing: &str) -> Result<Done, Failure> {
    let path = ask.path.clone();
    let doing = format!("{doing} {path}");
    let answer = globals.client()?.send(ask).await.doing(&doing)?.ok().doing(&doing)?;
    let says_something = answer.as_object().is_some_and(|members| {
        ["data", "auth", "wrap_info", "lease_id"].iter().all(|key| !members.contains_key(*key))
            || ["data", "auth", "wrap_info"].iter().any(|key| members.get(*key).is_some_and(|value| !value.is_null()))
    });
    let output = globals.output()?;
    if !says_something && output.for_people() {
        output::warnings(&answer);
        return output::say(&format!("Success! Data written to: {path}"));
    }
    match answer {
        Value::Null if output.field.is_none() => Ok(Done::Good),
        answer => output.secret(&answer),
    }
}
