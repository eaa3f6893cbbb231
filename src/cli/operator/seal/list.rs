//! `holdfast operator seal list`

use clap::Args;
use serde_json::Value;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output::{self, cell};

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast operator seal list")]
pub struct Arguments {}

pub async fn run(Arguments {}: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let doing = "listing the seals";
    let answer = globals.client()?.get("sys/seals").await.doing(doing)?.ok().doing(doing)?;
    globals.output()?.value(&answer, || {
        let seals = answer["data"]["seals"].as_array().into_iter().flatten();
        let rows: Vec<[String; 6]> = seals
            .map(|seal| {
                let health = match (&seal["healthy"], &seal["problem"]) {
                    (Value::Bool(true), _) => "healthy".to_owned(),
                    (Value::Bool(false), problem) => format!("unhealthy: {}", cell(problem)),
                    _ => "n/a".to_owned(),
                };
                let configured = match (seal["configured"].as_bool(), seal["disabled"].as_bool()) {
                    (Some(true), Some(true)) => "disabled".to_owned(),
                    (configured, _) => configured.unwrap_or(false).to_string(),
                };
                let key = seal["key_id"].as_str().unwrap_or("n/a").to_owned();
                [cell(&seal["name"]), cell(&seal["type"]), cell(&seal["wrapped"]), configured, health, key]
            })
            .collect();
        output::table(["Name", "Type", "Unseals", "Configured", "Health", "Key"], &rows)
    })
}
