//! `holdfast monitor`: a server's log as it is written, until interrupted.

use clap::Args;
use reqwest::Method;
use tokio::signal::unix::{SignalKind, signal};

use super::client::Ask;
use super::failure::{Done, Failure, While};
use super::globals::Globals;
use super::output;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast monitor -log-level=debug")]
pub struct Arguments {
    /// trace, debug, info, warn or error
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: String,
    /// standard or json
    #[arg(long, value_name = "FORM", default_value = "standard")]
    log_format: String,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let ask = Ask::new(Method::GET, "sys/monitor")
        .query([("log_level".to_owned(), arguments.log_level), ("log_format".to_owned(), arguments.log_format)]);
    // From here on, so that none is missed between two lines.
    let mut interrupted = signal(SignalKind::interrupt()).map_err(Failure::runtime)?;
    let client = globals.client()?;
    let asked = tokio::select! {
        asked = client.download(ask) => asked.doing("reading the log")?,
        _ = interrupted.recv() => return Ok(Done::Good),
    };
    let mut answer = match asked {
        Ok(answer) => answer,
        Err(refused) => return refused.ok().doing("reading the log").map(|_| Done::Good),
    };
    loop {
        let chunk = tokio::select! {
            chunk = answer.chunk() => chunk,
            _ = interrupted.recv() => return Ok(Done::Good),
        };
        let ended = |error| Failure::refused(format!("Error reading the log: {error}"));
        match chunk.map_err(ended)? {
            Some(bytes) => output::bytes(&bytes)?,
            None => return Ok(Done::Good),
        };
    }
}
