//! `holdfast namespace seal-status`

use clap::Args;
use serde_json::Value;

use super::at;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::{output, status};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast namespace seal-status vip\n  holdfast namespace seal-status -field=sealed vip"
)]
pub struct Arguments {
    /// Its path, from the namespace that is asked
    path: String,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let doing = format!("checking the seal of namespace {}", arguments.path);
    let reply = globals.client()?.get(&at(&arguments.path, "seal-status")?).await.doing(&doing)?;
    let answer = reply.found().doing(&doing)?;
    let answer = answer.ok_or_else(|| Failure::refused(format!("Namespace not found: {}", arguments.path)))?;
    show(&answer["data"], globals)
}

pub(super) fn show(found: &Value, globals: &Globals) -> Result<Done, Failure> {
    globals.output()?.value(found, || {
        let Some(all) = found.as_object() else { return String::new() };
        let mut text = status::table(all, found["sealed"].as_bool().unwrap_or(true));
        for (key, name) in [("service_answers", "Key Service Answers"), ("service_problem", "Key Service Problem")] {
            if let Some(value) = all.get(key) {
                text.push_str(&format!("\n{name}: {}", output::cell(value)));
            }
        }
        text
    })
}
