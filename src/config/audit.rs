//! Audit devices that stand in the configuration.
//!
//! `audit "file" "name" { description = "…" options { file_path = "…" } }`: the first label is the device's kind, the
//! second its path.

use std::path::PathBuf;

use super::problem::{ConfigError, Warning};
use super::section::Section;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditDevice {
    /// Without the slash at its end.
    pub path: String,
    pub description: String,
    pub kind: AuditDeviceKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditDeviceKind {
    File(AuditFile),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditFile {
    /// `file_path`; `stdout` and `discard` mean what they say.
    pub file: PathBuf,
    /// `mode`: the permissions of a file made here. `None` leaves those of a file that is there.
    pub mode: Option<u32>,
    /// `prefix`: written before each line.
    pub prefix: String,
}

pub(super) fn read(top: &Section<'_>, warnings: &mut Vec<Warning>) -> Result<Vec<AuditDevice>, ConfigError> {
    let mut devices: Vec<AuditDevice> = Vec::new();
    for (labels, section) in top.blocks("audit", 2)? {
        let (kind, path) = (&labels[0], labels[1].trim_end_matches('/').to_owned());
        let wrong = |problem| ConfigError::BadBlock { place: section.place(), problem };
        if kind != "file" {
            return Err(wrong(format!("audit {kind:?} is not offered by this version: only audit \"file\" is")));
        }
        if path.is_empty() || path.contains("//") {
            return Err(wrong(format!("the audit device's path {:?} is not a path", labels[1])));
        }
        if devices.iter().any(|known| known.path == path) {
            return Err(wrong(format!("two audit devices have the path {path:?}: each needs one of its own")));
        }
        let description = section.text("description")?.unwrap_or_default();
        let mut file = None;
        for (_, options) in section.blocks("options", 0)? {
            file = Some(read_file(&options)?);
            options.finish(&["format", "elide_list_responses", "hmac_accessor", "fallback"], warnings);
        }
        let file = file.ok_or_else(|| lacks_path(&section))?;
        devices.push(AuditDevice { path, description, kind: AuditDeviceKind::File(file) });
        section.finish(&["local", "type"], warnings);
    }
    Ok(devices)
}

fn read_file(options: &Section<'_>) -> Result<AuditFile, ConfigError> {
    let file = match (options.path("file_path")?, options.path("path")?) {
        (Some(file), _) | (None, Some(file)) => file,
        (None, None) => return Err(lacks_path(options)),
    };
    if let Some(entry) = options.entry("log_raw")
        && entry.flag()?
    {
        return Err(entry.bad("this server does not write secrets in the clear; leave the option out"));
    }
    let mode = match options.entry("mode") {
        None => None,
        Some(entry) => {
            let mode = u32::from_str_radix(&entry.text()?, 8).ok().filter(|mode| *mode <= 0o777);
            Some(mode.ok_or_else(|| entry.bad("it must be an octal file mode such as \"0600\""))?)
        }
    };
    let prefix = options.text("prefix")?.unwrap_or_default();
    Ok(AuditFile { file, mode: mode.filter(|mode| *mode != 0), prefix })
}

fn lacks_path(section: &Section<'_>) -> ConfigError {
    ConfigError::MissingKey {
        place: section.place(),
        block: section.name.clone(),
        key: "file_path",
        wanted: "it names the file that entries are appended to, inside `options`",
    }
}
