//! The command line: `holdfast server` and the commands of an operator, with the flags that Vault's users know.
//!
//! One command, one file. A command returns what became of it as [`Done`] or a [`Failure`]; only this file turns that
//! into an exit status: 0 good, 1 wrongly asked, 2 the server refused or (for `status`) is sealed.

mod client;
mod connection;
mod dev;
mod environment;
mod failure;
mod flags;
mod kv;
mod operator;
mod output;
mod prompt;
mod server;
mod status;
mod version;

use std::ffi::OsString;
use std::future::Future;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::{Done, Failure};

#[derive(Parser)]
#[command(name = "holdfast", about = "A secrets server that speaks the Vault HTTP API", disable_version_flag = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start a server
    Server(server::Arguments),
    /// Is the server initialised, sealed, active? Exit status 2 if it is sealed
    Status(status::Arguments),
    /// Initialise, unseal, seal and look after a cluster
    #[command(subcommand)]
    Operator(operator::Command),
    /// Read and write secrets in a key-value engine, of either version
    #[command(subcommand)]
    Kv(kv::Command),
    /// Print this program's version
    Version,
}

/// Runs the command that these arguments name; the first is the program.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(flags::normalise(arguments)) {
        Ok(arguments) => arguments,
        Err(problem) => {
            // Help was asked for, or the arguments are wrong; a closed pipe is nobody's concern.
            let _ = problem.print();
            return ExitCode::from(if problem.use_stderr() { 1 } else { 0 });
        }
    };
    let outcome = match arguments.command {
        Command::Server(arguments) => server::run(arguments),
        Command::Status(arguments) => client_side(status::run(arguments)),
        Command::Operator(command) => client_side(operator::run(command)),
        Command::Kv(command) => client_side(kv::run(command)),
        Command::Version => version::run(),
    };
    match outcome {
        Ok(Done::Good) => ExitCode::SUCCESS,
        Ok(Done::Sealed) => ExitCode::from(2),
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.exit_status())
        }
    }
}

/// A command that only talks to a server needs no threads.
fn client_side(work: impl Future<Output = Result<Done, Failure>>) -> Result<Done, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::runtime)?;
    runtime.block_on(work)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn no_two_flags_are_in_each_others_way() {
        super::Arguments::command().debug_assert();
    }
}
