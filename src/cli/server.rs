//! `holdfast server`: from a configuration to a server that has stopped cleanly.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use rustix::process::{Signal, getpid, kill_process};

use super::dev::{self, Dev};
use super::failure::{Done, Failure};
use crate::config::{Flags, Loaded, LogFormat, LogLevel, ServerConfig, Sources, Warning};
use crate::server::{Reload, Server, Signals};
use crate::telemetry::{self, Lines};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast server -config=/etc/holdfast\n  holdfast server -dev -dev-root-token-id=root"
)]
pub struct Arguments {
    /// A file in HCL or JSON, or a folder of them; may be given again
    #[arg(long, value_name = "PATH")]
    config: Vec<PathBuf>,
    /// trace, debug, info, warn or error; goes before the configuration
    #[arg(long, value_name = "LEVEL", value_parser = log_level)]
    log_level: Option<LogLevel>,
    /// standard or json; goes before the configuration
    #[arg(long, value_name = "FORMAT", value_parser = log_format)]
    log_format: Option<LogFormat>,
    /// Lines go to this file as well; goes before the configuration
    #[arg(long, value_name = "PATH")]
    log_file: Option<PathBuf>,
    /// End with whoever holds the other end of standard input
    #[arg(long, hide = true)]
    ends_with_input: bool,
    #[command(flatten)]
    dev: dev::DevFlags,
}

/// What is asked for, complete before anything starts.
struct Settled {
    dev: Option<Dev>,
    config: ServerConfig,
    warnings: Vec<Warning>,
    /// Not of a -dev server, which has no files.
    reload: Option<Reload>,
}

pub fn run(arguments: Arguments) -> Result<Done, Failure> {
    let ends_with_input = arguments.ends_with_input;
    let settled = settle(arguments)?;
    let unusable = |error| Failure::Server(format!("Error opening log_file: {error}"));
    let lines = telemetry::start(&settled.config.log).map_err(unusable)?;
    for warning in &settled.warnings {
        tracing::warn!("configuration: {warning}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::runtime)?;
    runtime.block_on(serve(settled, lines, ends_with_input))
}

/// As if asked to end, as soon as standard input is over.
fn end_with_input() {
    std::thread::spawn(|| {
        // What comes in is nothing to this server; an error is an end too.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = kill_process(getpid(), Signal::TERM);
    });
}

fn settle(arguments: Arguments) -> Result<Settled, Failure> {
    let flags =
        Flags { log_level: arguments.log_level, log_format: arguments.log_format, log_file: arguments.log_file };
    if let Some(dev) = Dev::wanted(&arguments.dev)? {
        if !arguments.config.is_empty() {
            return Err(Failure::usage("A -dev server is configured by its flags: leave out -config"));
        }
        let mut config = dev.config();
        config.log.level = flags.log_level.unwrap_or(config.log.level);
        config.log.format = flags.log_format.unwrap_or(config.log.format);
        return Ok(Settled { dev: Some(dev), config, warnings: Vec::new(), reload: None });
    }
    let sources = Sources::of_process(arguments.config, flags);
    let unusable = |error| Failure::usage(format!("Error loading configuration: {error}"));
    let Loaded { config, warnings, written } = sources.load().map_err(unusable)?;
    Ok(Settled { dev: None, config, warnings, reload: Some(Reload::new(sources, written)) })
}

async fn serve(settled: Settled, lines: &'static Lines, ends_with_input: bool) -> Result<Done, Failure> {
    let Settled { dev, config, reload, .. } = settled;
    let (described, pid_file) = (describe(&config), config.pid_file.clone());
    let cannot_listen = |error| Failure::Server(format!("Error listening to signals: {error}"));
    let mut signals = Signals::listen().map_err(cannot_listen)?;
    if ends_with_input {
        end_with_input();
    }
    let server = tokio::select! {
        server = Server::start(config) => server,
        () = signals.asked_to_end() => return Ok(Done::Good),
    };
    let mut server = server.map_err(|error| Failure::Server(format!("Error starting the server: {error}")))?;
    server.add_follower(Box::new(lines));
    // Not before: one that was started by mistake ends above, and the file is another server's.
    let _pid_file = match PidFile::write(pid_file.as_deref()) {
        Ok(written) => written,
        Err(failure) => {
            server.stop().await;
            return Err(failure);
        }
    };
    eprintln!(
        "==> Holdfast server configuration:\n\n{described}\n==> Holdfast server started! Log data will stream in below:\n"
    );
    let outcome = match dev {
        None => {
            server.wait_for_end(&mut signals, reload.as_ref()).await;
            Ok(Done::Good)
        }
        Some(dev) => tokio::select! {
            () = server.wait_for_end(&mut signals, None) => Ok(Done::Good),
            refused = dev.set_up() => match refused {
                Err(failure) => Err(failure),
                Ok(()) => {
                    server.wait_for_end(&mut signals, None).await;
                    Ok(Done::Good)
                }
            },
        },
    };
    server.stop().await;
    outcome
}

/// The lines that a person wants to see first.
fn describe(config: &ServerConfig) -> String {
    let mut lines = format!(
        "{:>18}: {}\n{:>18}: {}\n",
        "Api Address", config.api_address, "Cluster Address", config.cluster_address
    );
    for (number, listener) in config.listeners.iter().enumerate() {
        let tls = if listener.tls.is_some() { "enabled" } else { "disabled" };
        let name = format!("Listener {}", number + 1);
        let line = match listener.endpoint.tcp() {
            Some((address, cluster)) => {
                format!("tcp (addr: \"{address}\", cluster address: \"{cluster}\", tls: \"{tls}\")")
            }
            None => format!("unix (addr: \"{}\")", listener.endpoint),
        };
        lines.push_str(&format!("{name:>18}: {line}\n"));
    }
    let storage = config.storage.path.display();
    lines.push_str(&format!("{:>18}: raft (node \"{}\", {storage})\n", "Storage", config.storage.node_id));
    lines.push_str(&format!("{:>18}: Holdfast v{}\n", "Version", env!("CARGO_PKG_VERSION")));
    lines
}

/// The file with this process's number, for as long as it runs.
struct PidFile(Option<PathBuf>);

impl PidFile {
    fn write(file: Option<&Path>) -> Result<PidFile, Failure> {
        if let Some(file) = file {
            let written = fs::write(file, PidFile::text());
            written.map_err(|error| Failure::Server(format!("Error writing pid_file {}: {error}", file.display())))?;
        }
        Ok(PidFile(file.map(Path::to_owned)))
    }

    fn text() -> String {
        format!("{}\n", std::process::id())
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        let ours = |file: &PathBuf| fs::read_to_string(file).is_ok_and(|text| text == PidFile::text());
        if let Some(file) = self.0.as_ref().filter(|file| ours(file)) {
            // It may be gone already; the server has stopped either way.
            let _ = fs::remove_file(file);
        }
    }
}

fn log_level(text: &str) -> Result<LogLevel, String> {
    LogLevel::parse(text).ok_or_else(|| LogLevel::WANTED.to_owned())
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    LogFormat::parse(text).ok_or_else(|| LogFormat::WANTED.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_goes_with_the_server_that_it_names() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let ours = PidFile::write(Some(&file)).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), PidFile::text());
        fs::write(&file, "1\n").unwrap();
        drop(ours);
        assert_eq!(fs::read_to_string(&file).unwrap(), "1\n", "another server's stays");
        drop(PidFile::write(Some(&file)).unwrap());
        assert!(!file.exists());
    }
}
