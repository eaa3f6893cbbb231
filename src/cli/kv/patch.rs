//! `holdfast kv patch`

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::mount::Target;
use super::written;
use crate::cli::client::Client;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::pairs;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast kv patch secret/app password=new\n  holdfast kv patch -remove-data=old -cas=4 secret/app"
)]
pub struct Arguments {
    #[command(flatten)]
    target: Target,
    /// What changes: key=value, key=@file, key=- (standard input), @file.json, or - (JSON on standard input)
    #[arg(value_name = "K=V")]
    data: Vec<String>,
    /// Write only if the newest version is this one
    #[arg(long, value_name = "NUMBER")]
    cas: Option<u64>,
    /// patch: the server merges. rw: read, merge here, write, which needs no capability `patch`
    #[arg(long)]
    method: Option<Method>,
    /// A key to take away; may be given again
    #[arg(long, value_name = "KEY")]
    remove_data: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Method {
    Patch,
    Rw,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let mut changes = pairs::read_any(&arguments.data)?;
    changes.extend(arguments.remove_data.iter().map(|key| (key.clone(), Value::Null)));
    if changes.is_empty() {
        return Err(Failure::usage("Must supply data"));
    }
    let client = globals.client()?;
    let location = arguments.target.versioned(&client, "Patch").await?;
    let path = location.path("data");
    let answer = match arguments.method {
        Some(Method::Rw) => read_and_write(&client, &path, changes, arguments.cas).await?,
        method => {
            let options = arguments.cas.map_or(json!({}), |cas| json!({ "cas": cas }));
            let asked = json!({ "data": changes, "options": options });
            let doing = format!("patching {path}");
            let reply = client.patch(&path, &asked).await.doing(&doing)?;
            // Not every server knows the method, not every token may use it; both may do it the other way.
            if matches!(reply.status, 403 | 405) && method.is_none() {
                read_and_write(&client, &path, changes, arguments.cas).await?
            } else {
                reply.ok().doing(&doing)?
            }
        }
    };
    written::print(globals, &path, true, &answer)
}

/// The version that was read is the one that must still be there.
async fn read_and_write(
    client: &Client,
    path: &str,
    changes: Map<String, Value>,
    cas: Option<u64>,
) -> Result<Value, Failure> {
    let doing = format!("doing pre-read at {path}");
    let ask = crate::cli::client::Ask::new(reqwest::Method::GET, path).preflight();
    let found = client.send(ask).await.doing(&doing)?.found().doing(&doing)?;
    let nothing = || Failure::refused(format!("No value found at {path}"));
    let found = found.ok_or_else(nothing)?;
    let mut data = found["data"]["data"].as_object().cloned().ok_or_else(nothing)?;
    let version = found["data"]["metadata"]["version"].clone();
    for (key, value) in changes {
        match value {
            Value::Null => {
                data.remove(&key);
            }
            value => {
                data.insert(key, value);
            }
        }
    }
    let cas = cas.map_or(version, Value::from);
    let doing = format!("writing data to {path}");
    client.put(path, &json!({ "data": data, "options": { "cas": cas } })).await.doing(&doing)?.ok().doing(&doing)
}
