//! `holdfast operator raft snapshot restore`

use std::path::PathBuf;

use clap::Args;
use reqwest::Method;

use crate::cli::client::{Ask, Source};
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::{output, progress};

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast operator raft snapshot restore backup.snap")]
pub struct Arguments {
    /// The file that `save` wrote
    file: PathBuf,
    /// Even if it is of a cluster with other unseal keys: those of the backup count from then on
    #[arg(long, short)]
    force: bool,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let file = arguments.file;
    let length = std::fs::metadata(&file).map_err(|error| Failure::file(&file, error))?.len();
    if length == 0 {
        return Err(Failure::usage(format!("{} is empty: that is no backup", file.display())));
    }
    let path = if arguments.force { "sys/storage/raft/snapshot-force" } else { "sys/storage/raft/snapshot" };
    let source = Source { file, progress: progress::bytes("Restoring", Some(length)) };
    let reply = globals.client()?.upload(Ask::new(Method::POST, path), &source).await;
    source.progress.finish_and_clear();
    let answer = reply.doing("installing the snapshot")?.ok().doing("installing the snapshot")?;
    output::warnings(&answer);
    output::say("Success! The snapshot is restored. Nodes that are sealed now are unsealed by the backup's keys.")
}
