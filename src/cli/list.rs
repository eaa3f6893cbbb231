//! `holdfast list`

use std::collections::BTreeSet;

use clap::Args;
use serde_json::Value;

use super::client::Ask;
use super::failure::{Done, Failure, While};
use super::globals::Globals;
use super::output::{self, cell};
use super::pairs;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast list auth/token/accessors\n  holdfast list -detailed sys/plugins/catalog/auth"
)]
pub struct Arguments {
    /// The path in the API, without /v1/
    path: String,
    /// Parameters of the query
    #[arg(value_name = "K=V")]
    data: Vec<String>,
    /// Begin behind this key, where the server knows pages
    #[arg(long, value_name = "KEY")]
    after: Option<String>,
    /// At most so many keys, where the server knows pages
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u64>,
    /// Show what the server tells about each key
    #[arg(long)]
    detailed: bool,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let path = arguments.path.trim_matches('/');
    let page = [("after", arguments.after.clone()), ("limit", arguments.limit.map(|limit| limit.to_string()))];
    let page = page.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    let ask = Ask::list(path).query(pairs::query(&arguments.data)?).query(page);
    let doing = format!("listing {path}");
    let answer = globals.client()?.send(ask).await.doing(&doing)?.found().doing(&doing)?;
    let answer = answer.ok_or_else(|| Failure::refused(format!("No value found at {path}")))?;
    keys(Some(answer), arguments.detailed, &format!("No entries found at {path}"), globals)
}

/// The keys of a listing, or that there are none.
pub fn keys(answer: Option<Value>, detailed: bool, none: &str, globals: &Globals) -> Result<Done, Failure> {
    let answer = answer.ok_or_else(|| Failure::refused(none))?;
    let output = globals.output()?;
    if answer["wrap_info"].is_object() {
        return output.secret(&answer);
    }
    output::warnings(&answer);
    let (keys, about) = (&answer["data"]["keys"], &answer["data"]["key_info"]);
    if keys.as_array().is_none_or(Vec::is_empty) {
        return Err(Failure::refused(none));
    }
    if detailed && !output.for_people() {
        return output.value(&answer["data"], String::new);
    }
    output.value(keys, || match about.as_object() {
        Some(about) if detailed => with_details(keys, about),
        _ => output::listing(keys),
    })
}

/// One line a key: what is known of it, each under its name.
fn with_details(keys: &Value, about: &serde_json::Map<String, Value>) -> String {
    let names: BTreeSet<&String> = about.values().filter_map(Value::as_object).flat_map(|known| known.keys()).collect();
    let mut text = String::new();
    for key in keys.as_array().into_iter().flatten().map(cell) {
        text.push_str(&format!("{key}\n"));
        for name in &names {
            if let Some(value) = about.get(&key).and_then(|known| known.get(name.as_str())) {
                text.push_str(&format!("  {name}: {}\n", cell(value)));
            }
        }
    }
    text
}
