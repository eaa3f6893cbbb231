//! The command line: `holdfast server` and the commands of an operator, with the flags that Vault's users know.
//!
//! One command, one file; a group of commands is a folder of its name. A command gets its own flags and the [`Globals`],
//! and returns what became of it as [`Done`] or a [`Failure`]; only this file turns that into an exit status: 0 good,
//! 1 wrongly asked, 2 the server refused or (for `status`) is sealed.
//!
//! ```text
//!   arguments ─ flags ─► clap ─► a command ─► client ─► the API
//!                        globals ┘        └──► output ─► table, JSON, YAML, one field
//! ```
//!
//! The next command: a file, its arguments with an example in `after_help`, a line in its group's `Command` and one in
//! that group's `run`.

// Commands.
mod audit;
mod auth;
mod completion;
mod delete;
mod kv;
mod lease;
mod list;
mod login;
mod monitor;
mod namespace;
mod operator;
mod patch;
mod path_help;
mod policy;
mod print;
mod read;
mod secrets;
mod server;
mod status;
mod token;
mod unwrap;
mod version;
mod write;

// What they share.
mod client;
mod connection;
mod dev;
mod duration;
mod environment;
mod failure;
mod flags;
mod globals;
mod mounts;
mod output;
mod pairs;
mod progress;
mod prompt;
mod token_file;

use std::ffi::OsString;
use std::future::Future;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use failure::{Done, Failure};
use globals::Globals;

#[derive(Parser)]
#[command(
    name = "holdfast",
    about = "A secrets server that speaks the Vault HTTP API",
    after_help = "Flags have one dash or two. Examples:\n  holdfast server -dev\n  holdfast login -method=userpass username=ann\n  holdfast kv get -field=password secret/app",
    disable_version_flag = true,
    args_override_self = true,
    max_term_width = 120
)]
struct Arguments {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Read any path of the API
    Read(read::Arguments),
    /// Write to any path of the API
    Write(write::Arguments),
    /// Change a part of what is at a path of the API
    Patch(patch::Arguments),
    /// List what is below any path of the API
    List(list::Arguments),
    /// Delete what is at any path of the API
    Delete(delete::Arguments),
    /// Log in, and keep the token for later commands
    Login(login::Arguments),
    /// Is the server initialised, sealed, active? Exit status 2 if it is sealed
    Status(status::Arguments),
    /// Show what a wrapping token stands for; works once
    Unwrap(unwrap::Arguments),
    /// Read and write secrets in a key-value engine, of either version
    #[command(subcommand)]
    Kv(kv::Command),
    /// Make tokens, look after them, end them
    #[command(subcommand)]
    Token(token::Command),
    /// Who may do what
    #[command(subcommand)]
    Policy(policy::Command),
    /// Mount engines
    #[command(subcommand)]
    Secrets(secrets::Command),
    /// Mount methods to log in by
    #[command(subcommand)]
    Auth(auth::Command),
    /// Make namespaces, look after them, seal and remove them
    #[command(subcommand)]
    Namespace(namespace::Command),
    /// Look after leases
    #[command(subcommand)]
    Lease(lease::Command),
    /// Write down what happens
    #[command(subcommand)]
    Audit(audit::Command),
    /// Initialise, unseal, seal and look after a cluster
    #[command(subcommand)]
    Operator(operator::Command),
    /// Start a server
    Server(server::Arguments),
    /// Show a server's log as it is written
    Monitor(monitor::Arguments),
    /// Show the help that a path of the API has
    PathHelp(path_help::Arguments),
    /// Show what commands would use
    #[command(subcommand)]
    Print(print::Command),
    /// Print the completions of a shell
    Completion(completion::Arguments),
    /// Print this program's version
    Version(version::Arguments),
}

/// Runs the command that these arguments name; the first is the program.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let mut command = command();
    let mut arguments = flags::normalise(&command, arguments);
    if let Some(first) = arguments.get_mut(1).filter(|first| *first == "-v" || *first == "--version") {
        // A flag that is a command: only in the first place, for commands have flags of that name.
        *first = OsString::from("version");
    }
    let parsed = command.try_get_matches_from_mut(arguments).and_then(|found| Arguments::from_arg_matches(&found));
    let Arguments { globals, command } = match parsed {
        Ok(arguments) => arguments,
        Err(problem) => {
            // Help was asked for, or the arguments are wrong; a closed pipe is nobody's concern.
            let _ = problem.print();
            return ExitCode::from(if problem.use_stderr() { 1 } else { 0 });
        }
    };
    match outcome(command, &globals) {
        Ok(done) => ExitCode::from(done.exit_status()),
        Err(Failure::Shown(text)) => output::say(&text).map_or(ExitCode::from(2), |_| ExitCode::SUCCESS),
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.exit_status())
        }
    }
}

/// The whole tree of commands.
fn command() -> clap::Command {
    Arguments::command()
}

fn outcome(command: Command, globals: &Globals) -> Result<Done, Failure> {
    match command {
        Command::Server(arguments) => server::run(arguments),
        Command::Completion(arguments) => completion::run(arguments),
        Command::Print(command) => print::run(command, globals),
        Command::Version(version::Arguments {}) => version::run(),
        talking => client_side(talk(talking, globals)),
    }
}

async fn talk(command: Command, globals: &Globals) -> Result<Done, Failure> {
    match command {
        Command::Read(arguments) => read::run(arguments, globals).await,
        Command::Write(arguments) => write::run(arguments, globals).await,
        Command::Patch(arguments) => patch::run(arguments, globals).await,
        Command::List(arguments) => list::run(arguments, globals).await,
        Command::Delete(arguments) => delete::run(arguments, globals).await,
        Command::Login(arguments) => login::run(arguments, globals).await,
        Command::Status(arguments) => status::run(arguments, globals).await,
        Command::Unwrap(arguments) => unwrap::run(arguments, globals).await,
        Command::Kv(command) => kv::run(command, globals).await,
        Command::Token(command) => token::run(command, globals).await,
        Command::Policy(command) => policy::run(command, globals).await,
        Command::Secrets(command) => secrets::run(command, globals).await,
        Command::Auth(command) => auth::run(command, globals).await,
        Command::Namespace(command) => namespace::run(command, globals).await,
        Command::Lease(command) => lease::run(command, globals).await,
        Command::Audit(command) => audit::run(command, globals).await,
        Command::Operator(command) => operator::run(command, globals).await,
        Command::Monitor(arguments) => monitor::run(arguments, globals).await,
        Command::PathHelp(arguments) => path_help::run(arguments, globals).await,
        Command::Server(_) | Command::Completion(_) | Command::Print(_) | Command::Version(_) => {
            Err(Failure::usage("This command talks to no server"))
        }
    }
}

/// A command that only talks to a server needs no threads.
fn client_side(work: impl Future<Output = Result<Done, Failure>>) -> Result<Done, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::runtime)?;
    runtime.block_on(work)
}

#[cfg(test)]
mod tests;
