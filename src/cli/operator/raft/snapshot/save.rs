//! `holdfast operator raft snapshot save`
//!
//! The file appears when it is whole: half a backup has no name.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use remote_error::with_causes;
use reqwest::Method;
use tempfile::NamedTempFile;

use crate::cli::client::Ask;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::{output, progress};

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast operator raft snapshot save backup.snap")]
pub struct Arguments {
    /// The file to write; one that is there is replaced
    file: PathBuf,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let file = &arguments.file;
    let mut written = beside(file).map_err(|error| Failure::written(file, error))?;
    let doing = "taking the snapshot";
    let ask = Ask::new(Method::GET, "sys/storage/raft/snapshot");
    let mut answer = match globals.client()?.download(ask).await.doing(doing)? {
        Ok(answer) => answer,
        Err(refused) => return refused.ok().doing(doing).map(|_| Done::Good),
    };
    let (announced, bar) = (answer.content_length(), progress::bytes("Saving", answer.content_length()));
    let broken = |error| Failure::refused(format!("Error {doing}: the answer broke off: {}", with_causes(&error)));
    let mut length = 0;
    while let Some(chunk) = answer.chunk().await.map_err(broken)? {
        written.write_all(&chunk).map_err(|error| Failure::written(file, error))?;
        length += chunk.len() as u64;
        bar.set_position(length);
    }
    bar.finish_and_clear();
    if length == 0 || announced.is_some_and(|announced| announced != length) {
        return Err(Failure::refused(format!("Error {doing}: the answer broke off after {length} bytes")));
    }
    written.as_file().sync_all().map_err(|error| Failure::written(file, error))?;
    written.persist(file).map_err(|error| Failure::written(file, error.error))?;
    output::say(&format!("Success! Saved {length} bytes to {}", file.display()))
}

/// In the folder where it will be, so that naming it is one step.
fn beside(file: &Path) -> std::io::Result<NamedTempFile> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(".".as_ref());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".snapshot-").permissions(Permissions::from_mode(0o600)).tempfile_in(folder)
}
