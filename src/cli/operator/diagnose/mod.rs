//! `holdfast operator diagnose`: is this configuration, on this machine, one that a server can run with?
//!
//! Reads, and listens for a moment on the ports that the server would; changes nothing. The server should be stopped:
//! one that runs holds its ports. Each check says what it found and, if that is not well, what to do.

mod certificate;
mod configuration;
mod finding;
mod listeners;
mod machine;
mod storage;

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::cli::failure::{Done, Failure};
use crate::cli::globals::Globals;
use finding::{Finding, Outcome, Report};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast operator diagnose -config=/etc/holdfast\n  holdfast operator diagnose -config=node1.hcl -skip=listener/port -format=json\n\nExit status: 0 all is well, 2 there are warnings, 1 something fails"
)]
pub struct Arguments {
    /// The server's configuration: a file in HCL or JSON, or a folder of them; may be given again
    #[arg(long, required = true, value_name = "PATH")]
    config: Vec<PathBuf>,
    /// Leave out the checks whose name begins so; may be given again
    #[arg(long, value_name = "NAME")]
    skip: Vec<String>,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let mut report = Report::new(arguments.skip);
    if let Some(config) = configuration::check(&mut report, &arguments.config) {
        storage::check(&mut report, &config);
        listeners::check(&mut report, &config);
        configuration::seal(&mut report, &config);
        machine::check(&mut report, &config);
    }
    let worst = report.worst();
    let findings = report.findings();
    let value = json!({
        "healthy": worst == Outcome::Good,
        "checks": findings.iter().map(Finding::for_programs).collect::<Vec<_>>(),
    });
    globals.output()?.value(&value, || findings.iter().map(Finding::for_people).collect())?;
    Ok(match worst {
        Outcome::Good => Done::Good,
        Outcome::Warning => Done::Warned,
        Outcome::Failure => Done::Failed,
    })
}

#[cfg(test)]
mod tests;
