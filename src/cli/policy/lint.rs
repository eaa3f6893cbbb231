//! `holdfast policy lint`: needs no server.

use std::path::PathBuf;

use clap::Args;

use crate::cli::failure::{Done, Failure};
use crate::cli::output;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast policy lint -kv2=secret/ app.hcl")]
pub struct Arguments {
    /// The file
    file: PathBuf,
    /// The path of a mount of KV version 2, whose paths are looked at; may be given again
    #[arg(long)]
    kv2: Vec<String>,
}

pub fn run(arguments: Arguments) -> Result<Done, Failure> {
    let file = &arguments.file;
    let text = std::fs::read_to_string(file).map_err(|error| Failure::file(file, error))?;
    let policy = policy::Policy::parse("", &text)
        .map_err(|error| Failure::usage(format!("Error parsing {}: {error}", file.display())))?;
    let kv2: Vec<String> = arguments.kv2.iter().map(|mount| format!("{}/", mount.trim_matches('/'))).collect();
    let findings = policy::lint(&policy, &kv2);
    for finding in &findings {
        output::say(&format!("{}:{}: {}", file.display(), finding.line, finding.text))?;
    }
    if findings.is_empty() {
        return output::say(&format!("Success! Nothing odd in: {}", file.display()));
    }
    let misleads = findings.iter().any(|finding| finding.misleads);
    Ok(if misleads { Done::Failed } else { Done::Warned })
}
