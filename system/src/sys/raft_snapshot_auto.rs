//! `sys/storage/raft/snapshot-auto/…`: backups that make themselves.

use std::sync::Arc;

use holdfast_core::backup::auto::{self, AutoConfig, AutoStatus, ConfigError};
use holdfast_core::lifecycle::Node;
use schemars::JsonSchema;
use sdk::{Answer, Ctx, Failure, Input, Path, Reply, Result, Seconds, Txn, Verb, View, Work, timestamp};
use serde::Serialize;
use storage::Millis;

#[derive(Input)]
struct Nothing {}

#[derive(Input)]
struct Named {
    /// The configuration's name.
    name: String,
}

#[derive(Input)]
struct Write {
    /// The configuration's name.
    name: String,
    /// How often a backup is made.
    interval: Seconds,
    /// How many are kept; without it one.
    retain: Option<i64>,
    /// The folder, one of those that the server's configuration names in `snapshot_auto_folders` or inside one.
    path_prefix: String,
    /// What the files' names begin with; without it `vault-snapshot`.
    file_prefix: Option<String>,
    /// `local`.
    storage_type: String,
    /// How many bytes the kept backups may take together.
    local_max_space: i64,
    /// Not with `local`.
    autoload_enabled: bool,
}

#[derive(Serialize, JsonSchema)]
struct Config {
    /// In seconds.
    interval: u64,
    retain: u32,
    path_prefix: String,
    file_prefix: String,
    storage_type: &'static str,
    local_max_space: u64,
    autoload_enabled: bool,
}

#[derive(Serialize, JsonSchema)]
struct Status {
    last_snapshot_start: String,
    last_snapshot_end: String,
    last_snapshot_error: String,
    last_snapshot_url: String,
    snapshot_start: String,
    snapshot_url: String,
    snapshot_size: u64,
    consecutive_errors: u32,
    next_snapshot_start: String,
}

pub fn list() -> Path {
    Path::new("storage/raft/snapshot-auto/config/?")
        .help("Lists the automated backups.", "The names of their configurations.")
        .sudo()
        .view(Verb::List, |_: &Ctx, Nothing {}: Nothing, view: &View| Answer::keys(auto::names(view)?))
}

pub fn one(node: &Arc<Node>) -> Path {
    let (asked, node) = (Arc::clone(node), Arc::clone(node));
    Path::new("storage/raft/snapshot-auto/config/:name")
        .help(
            "Reads, writes and deletes an automated backup.",
            "The active node writes one to its own folder when the interval since the last one is over, and tests that it \
             could be restored. A first one is made at once. Writing one tries the folder at the node that is active then. \
             Deleting leaves the files.",
        )
        .sudo()
        .view(Verb::Read, |_: &Ctx, named: Named, view: &View| {
            let config = auto::read(view, &named.name)?.ok_or(Failure::NotFound)?;
            Reply::data(Config {
                interval: config.interval,
                retain: config.retain,
                path_prefix: config.path_prefix,
                file_prefix: config.file_prefix,
                storage_type: AutoConfig::LOCAL,
                local_max_space: config.local_max_space,
                autoload_enabled: false,
            })
        })
        .slow(
            Verb::Write,
            move |_: &Ctx, input: Write, _: &View| {
                let ((name, config), node) = (parsed(input)?, Arc::clone(&asked));
                // A network folder may let whoever asks it wait.
                Ok(Work::Slow(Box::new(move || config.try_folder(&node.snapshot_folders, &name).map_err(failure))))
            },
            move |_: &Ctx, input: Write, (): &(), txn: &mut Txn| {
                let (name, config) = parsed(input)?;
                config.write(txn, &node.snapshot_folders, &name).map_err(failure)?;
                Ok(Answer::empty())
            },
        )
        .txn(Verb::Delete, |_: &Ctx, named: Named, txn: &mut Txn| {
            txn.delete(&auto::key(&named.name));
            auto::forget(txn, &named.name);
            Ok(Answer::empty())
        })
}

pub fn status() -> Path {
    Path::new("storage/raft/snapshot-auto/status/:name")
        .help("How an automated backup fares.", "Times are the cluster's; `last_snapshot_…` is of the last attempt.")
        .sudo()
        .view(Verb::Read, |_: &Ctx, named: Named, view: &View| {
            let config = auto::read(view, &named.name)?.ok_or(Failure::NotFound)?;
            let status = AutoStatus::read(view, &named.name)?;
            let time = |at: Option<Millis>| at.map(timestamp).unwrap_or_default();
            let good = status.good.as_ref();
            let url = good.map(|good| good.url.clone()).unwrap_or_default();
            Reply::data(Status {
                last_snapshot_start: time(status.started),
                last_snapshot_end: time(status.ended),
                last_snapshot_error: status.error.clone().unwrap_or_default(),
                last_snapshot_url: url.clone(),
                snapshot_start: time(good.map(|good| good.at)),
                snapshot_url: url,
                snapshot_size: good.map_or(0, |good| good.bytes),
                consecutive_errors: status.failures,
                next_snapshot_start: time(status.started.map(|_| status.due(&config))),
            })
        })
}

fn parsed(input: Write) -> Result<(String, AutoConfig)> {
    let whole = |name: &str, n: i64| {
        u64::try_from(n).map_err(|_| Failure::Invalid(format!("{name} must be a positive number")))
    };
    match input.storage_type.as_str() {
        AutoConfig::LOCAL => {}
        "" => return Err(Failure::invalid("storage_type is required: \"local\"")),
        other => {
            return Err(Failure::Invalid(format!(
                "storage_type {other:?} is not offered: there is \"local\", which writes to a folder of the active node"
            )));
        }
    }
    if input.autoload_enabled {
        return Err(Failure::invalid("autoload_enabled is not possible with storage_type \"local\""));
    }
    let retain = whole("retain", input.retain.unwrap_or(1))?;
    let config = AutoConfig {
        interval: input.interval.0.as_secs(),
        retain: u32::try_from(retain).unwrap_or(u32::MAX),
        path_prefix: input.path_prefix,
        file_prefix: input.file_prefix.unwrap_or_else(|| AutoConfig::FILE_PREFIX.to_owned()),
        local_max_space: whole("local_max_space", input.local_max_space)?,
    };
    Ok((input.name, config))
}

fn failure(error: ConfigError) -> Failure {
    match error {
        ConfigError::Refused(text) => Failure::Invalid(text),
        ConfigError::Access(access) => access.into(),
    }
}
