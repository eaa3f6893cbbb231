//! `holdfast server`: from a configuration to a server that has stopped cleanly.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::dev::{self, Dev};
use super::failure::{Done, Failure};
use crate::config::{self, LogLevel, ServerConfig, Warning};
use crate::server::Server;
use crate::telemetry;

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
    #[command(flatten)]
    dev: dev::DevFlags,
}

pub fn run(arguments: Arguments) -> Result<Done, Failure> {
    let (dev, mut config, warnings) = settle(&arguments)?;
    config.log.level = arguments.log_level.unwrap_or(config.log.level);
    telemetry::start(config.log);
    for warning in &warnings {
        tracing::warn!("configuration: {warning}");
    }
    let pid_file = PidFile::write(config.pid_file.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::runtime)?;
    let outcome = runtime.block_on(serve(config, dev.as_ref()));
    drop(pid_file);
    outcome
}

/// What is asked for, complete before anything starts.
fn settle(arguments: &Arguments) -> Result<(Option<Dev>, ServerConfig, Vec<Warning>), Failure> {
    if let Some(dev) = Dev::wanted(&arguments.dev)? {
        if !arguments.config.is_empty() {
            return Err(Failure::usage("A -dev server is configured by its flags: leave out -config"));
        }
        let config = dev.config();
        return Ok((Some(dev), config, Vec::new()));
    }
    let unusable = |error| Failure::usage(format!("Error loading configuration: {error}"));
    let (config, warnings) = config::load(&arguments.config).map_err(unusable)?;
    Ok((None, config, warnings))
}

async fn serve(config: ServerConfig, dev: Option<&Dev>) -> Result<Done, Failure> {
    let described = describe(&config);
    let server = Server::start(config).await;
    let server = server.map_err(|error| Failure::Server(format!("Error starting the server: {error}")))?;
    eprintln!(
        "==> Holdfast server configuration:\n\n{described}\n==> Holdfast server started! Log data will stream in below:\n"
    );
    let outcome = match dev {
        None => {
            server.wait_for_signal().await;
            Ok(Done::Good)
        }
        Some(dev) => tokio::select! {
            () = server.wait_for_signal() => Ok(Done::Good),
            refused = dev.set_up() => match refused {
                Err(failure) => Err(failure),
                Ok(()) => {
                    server.wait_for_signal().await;
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
        lines.push_str(&format!(
            "{name:>18}: tcp (addr: \"{}\", cluster address: \"{}\", tls: \"{tls}\")\n",
            listener.address, listener.cluster_address
        ));
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
            let written = fs::write(file, format!("{}\n", std::process::id()));
            written.map_err(|error| Failure::Server(format!("Error writing pid_file {}: {error}", file.display())))?;
        }
        Ok(PidFile(file.map(Path::to_owned)))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if let Some(file) = &self.0 {
            // It may be gone already; the server has stopped either way.
            let _ = fs::remove_file(file);
        }
    }
}

fn log_level(text: &str) -> Result<LogLevel, String> {
    LogLevel::parse(text).ok_or_else(|| LogLevel::WANTED.to_owned())
}
