//! `telemetry` of a listener: who may read `sys/metrics` there.

use super::super::declared::Takes::Flag;
use super::super::declared::Why::NotOffered;
use super::super::declared::{Key, Table};
use super::super::problem::{ConfigError, Warning};
use super::super::section::Section;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetricsAccess {
    /// `unauthenticated_metrics_access`: without a token.
    pub open: bool,
    /// `disallow_metrics`: not here.
    pub disallowed: bool,
    /// `metrics_only`: nothing else here.
    pub only: bool,
}

pub const KEYS: &[Key] = &[Key::blocks("telemetry", 0, &[&TABLE])];

const TABLE: Table = Table {
    label: "",
    about: "Who may read `sys/metrics` on this listener.",
    keys: &[&[
        Key::new(
            "unauthenticated_metrics_access",
            Flag,
            "false",
            "`sys/metrics` needs no token, also on a sealed node.",
        ),
        Key::new("disallow_metrics", Flag, "false", "Nobody: it answers 404."),
        Key::new("metrics_only", Flag, "false", "Everything else answers 404."),
        Key::ignored("metrics_path", NotOffered, "metrics are at /v1/sys/metrics"),
    ]],
};

pub(super) fn read(listener: &Section<'_>, warnings: &mut Vec<Warning>) -> Result<MetricsAccess, ConfigError> {
    let mut access = MetricsAccess::default();
    for (_, section) in listener.blocks("telemetry")? {
        access.open = section.flag("unauthenticated_metrics_access")?.unwrap_or(access.open);
        access.disallowed = section.flag("disallow_metrics")?.unwrap_or(access.disallowed);
        access.only = section.flag("metrics_only")?.unwrap_or(access.only);
        section.finish(warnings)?;
    }
    if let Some(entry) = listener.entry("role") {
        match entry.text()?.as_str() {
            "" | "default" => {}
            "metrics_only" => access.only = true,
            _ => return Err(entry.bad("it must be default or metrics_only")),
        }
    }
    if access.only && access.disallowed {
        let problem = "a listener cannot serve metrics alone and not at all".to_owned();
        return Err(ConfigError::BadBlock { place: listener.place(), problem });
    }
    Ok(access)
}
