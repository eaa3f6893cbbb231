//! `holdfast operator raft snapshot inspect`
//!
//! Works on the file alone: no server and no key is needed to tell whether a backup is whole, and whose it is.

use std::fs::File;
use std::path::PathBuf;

use clap::Args;
use holdfast_core::backup::{self, Whole};
use serde_json::{Value, json};

use crate::cli::failure::{Done, Failure};
use crate::cli::globals::Globals;
use crate::cli::output::{self, cell};

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast operator raft snapshot inspect backup.snap")]
pub struct Arguments {
    /// The file that `save` wrote
    file: PathBuf,
}

pub fn run(arguments: &Arguments, globals: &Globals) -> Result<Done, Failure> {
    let file = File::open(&arguments.file).map_err(|error| Failure::file(&arguments.file, error))?;
    let whole = backup::walk(file, &mut |_, _| Ok(()))
        .map_err(|problem| Failure::refused(format!("Error inspecting {}: {problem}", arguments.file.display())))?;
    let shown = shown(&whole);
    globals.output()?.value(&shown, || table(&shown))
}

fn shown(whole: &Whole) -> Value {
    let header = &whole.header;
    json!({
        "format": header.format,
        "version": header.version,
        "created": header.created,
        "cluster_name": header.cluster_name,
        "cluster_id": header.cluster_id,
        "revision": header.revision,
        "fingerprint": header.fingerprint,
        "root_key_id": header.root_key_id,
        "seal_type": header.seal.kind().name(),
        "secret_shares": header.seal.shares(),
        "secret_threshold": header.seal.threshold(),
        "records": whole.records,
        "bytes": whole.bytes,
    })
}

fn table(shown: &Value) -> String {
    let names = [
        ("created", "Created"),
        ("version", "Version"),
        ("cluster_name", "Cluster Name"),
        ("cluster_id", "Cluster ID"),
        ("revision", "Revision"),
        ("fingerprint", "Fingerprint"),
        ("root_key_id", "Root Key ID"),
        ("seal_type", "Seal Type"),
        ("secret_shares", "Total Shares"),
        ("secret_threshold", "Threshold"),
        ("records", "Records"),
        ("bytes", "Bytes"),
    ];
    output::pairs(&names.map(|(key, name)| [name.to_owned(), cell(&shown[key])]))
}
