//! `holdfast policy fmt`: needs no server.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::layout;
use crate::cli::failure::{Done, Failure};
use crate::cli::output;

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast policy fmt app.hcl")]
pub struct Arguments {
    /// The file; it is written anew
    file: PathBuf,
}

pub fn run(arguments: Arguments) -> Result<Done, Failure> {
    let file = &arguments.file;
    let text = std::fs::read_to_string(file).map_err(|error| Failure::file(file, error))?;
    let broken = |error| Failure::usage(format!("Error parsing {}: {error}", file.display()));
    hcl::parse(&text).map_err(broken)?;
    let laid_out = layout::of(&text);
    // What is written must mean the same: it goes to the file only if it can be read as well.
    hcl::parse(&laid_out).map_err(broken)?;
    replace(file, &laid_out).map_err(|error| Failure::written(file, error))?;
    output::say(&format!("Success! Formatted policy: {}", file.display()))
}

/// Whole or not at all, with the rights that the file had.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let target = std::fs::canonicalize(file)?;
    let folder = target.parent().unwrap_or(".".as_ref());
    let mut written = tempfile::NamedTempFile::new_in(folder)?;
    written.write_all(text.as_bytes())?;
    written.as_file().set_permissions(std::fs::metadata(&target)?.permissions())?;
    written.persist(&target).map_err(|error| error.error)?;
    Ok(())
}
