//! Audit devices that stand in the configuration.
//!
//! `audit "file" "name" { description = "…" options { file_path = "…" } }`: the first label is the device's kind, the
//! second its path.

use std::path::PathBuf;

use super::declared::Takes::{Path, Text};
use super::declared::Why::NotOffered;
use super::declared::{Key, Table};
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

pub const FILE: Table = Table {
    label: "file",
    about: "Entries are appended to a file. The second label is the device's path.",
    keys: &[&[
        Key::new("description", Text, "", "What people read about the device."),
        Key::blocks("options", 0, &[&FILE_OPTIONS]),
        Key::ignored("local", NotOffered, "every device of the configuration is this node's own"),
        Key::ignored("type", NotOffered, "the block's first label says it"),
    ]],
};

const FILE_OPTIONS: Table = Table {
    label: "",
    about: "Where the file is and what its lines look like.",
    keys: &[&[
        Key::new("file_path", Path, "", "The file. `stdout` and `discard` mean what they say."),
        Key::new("path", Path, "", "The same under another name."),
        Key::new("mode", Text, "", "The permissions of a file made here, in octal; without it `0600`."),
        Key::new("prefix", Text, "", "Written before each line."),
        Key::ignored("log_raw", NotOffered, "secrets are not written in the clear"),
        Key::ignored("format", NotOffered, "entries are JSON"),
        Key::ignored("elide_list_responses", NotOffered, "listings are written whole"),
        Key::ignored("hmac_accessor", NotOffered, "accessors are hashed"),
        Key::ignored("fallback", NotOffered, "every device gets every entry"),
    ]],
};

pub(super) fn read(top: &Section<'_>, warnings: &mut Vec<Warning>) -> Result<Vec<AuditDevice>, ConfigError> {
    let mut devices: Vec<AuditDevice> = Vec::new();
    for (labels, section) in top.blocks("audit")? {
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
        for (_, options) in section.blocks("options")? {
            file = Some(read_file(&options)?);
            options.finish(warnings)?;
        }
        let file = file.ok_or_else(|| lacks_path(&section))?;
        devices.push(AuditDevice { path, description, kind: AuditDeviceKind::File(file) });
        section.finish(warnings)?;
    }
    Ok(devices)
}

fn read_file(options: &Section<'_>) -> Result<AuditFile, ConfigError> {
    let file = options.path("file_path")?.or(options.path("path")?).ok_or_else(|| lacks_path(options))?;
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
