//! `holdfast-bench`: puts load on one server and says what came of it; or is the bare server to compare with.
//!
//! A part of `scripts/bench`, which starts the clusters, weighs them and makes the table. This program must itself cost
//! little, since it shares the machine with what it measures: one thread, one connection a client, nothing parsed that
//! need not be.

mod bare;
mod client;
mod load;
mod report;
mod workload;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use load::{End, Plan};

const A_DAY: Duration = Duration::from_secs(24 * 3600);

#[derive(Parser)]
#[command(about = "Load for scripts/bench")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Sends one kind of request for a while and prints a JSON object.
    Load(Load),
    /// Answers every request with the same KiB over TLS: what TLS and HTTP alone cost.
    Bare(Bare),
}

#[derive(Args)]
struct Load {
    /// Where to; clients are spread over several.
    #[arg(long = "address", required = true)]
    addresses: Vec<SocketAddr>,
    #[arg(long)]
    ca: PathBuf,
    #[arg(long, value_enum)]
    workload: workload::Kind,
    #[arg(long, default_value_t = 32)]
    clients: usize,
    /// Ten, or with `--once` a day.
    #[arg(long)]
    seconds: Option<f64>,
    /// Requests per second in all, sent on time whatever the answers do, and timed from when they were due. Without it
    /// each client sends as soon as it has its answer.
    #[arg(long)]
    rate: Option<f64>,
    /// With `--rate`: what is due while its client waits for an answer is left out, as by clients that do not pile up work.
    #[arg(long, requires = "rate")]
    skip_late: bool,
    /// How many different secrets are read or written.
    #[arg(long, default_value_t = 1000)]
    keys: usize,
    /// Puts so many of them in a folder; without it they are all in one.
    #[arg(long)]
    folder_size: Option<usize>,
    /// Each of them once and no more.
    #[arg(long)]
    once: bool,
    /// A connection for each request.
    #[arg(long)]
    reconnect: bool,
    /// The token is read from this environment variable, so that it is on no command line.
    #[arg(long, default_value = "BENCH_TOKEN")]
    token_from: String,
    /// Where the secrets are.
    #[arg(long, default_value = "bench")]
    mount: String,
}

#[derive(Args)]
struct Bare {
    #[arg(long)]
    address: SocketAddr,
    #[arg(long)]
    certificate: PathBuf,
    #[arg(long)]
    key: PathBuf,
}

fn main() -> ExitCode {
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        eprintln!("another provider of cryptography was installed first");
        return ExitCode::FAILURE;
    }
    let result = match Cli::parse().command {
        Command::Load(load) => run_load(load),
        Command::Bare(bare) => bare::serve(bare.address, &bare.certificate, &bare.key),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a token in an argument would show in the list of processes")]
fn run_load(load: Load) -> Result<(), Box<dyn std::error::Error>> {
    let plan = Plan {
        tls: client::tls(&load.ca)?,
        workload: workload::Workload {
            kind: load.workload,
            token: std::env::var(&load.token_from).unwrap_or_default(),
            mount: load.mount,
            keys: load.keys.max(1),
            folder_size: load.folder_size.filter(|size| *size > 0),
        },
        addresses: load.addresses,
        clients: load.clients.max(1),
        end: match (load.once, load.seconds.map(Duration::from_secs_f64)) {
            (true, within) => End::Once { within: within.unwrap_or(A_DAY) },
            (false, length) => End::After(length.unwrap_or(Duration::from_secs(10))),
        },
        rate: load.rate,
        skip_late: load.skip_late,
        reconnect: load.reconnect,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(load::run(plan));
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}
