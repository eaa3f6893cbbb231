//! What a device made through the API may reach. The configuration decides, for it is not the API's to say where on
//! this machine or in its network things are written.

use std::path::{Path, PathBuf};

use super::options::{OptionError, Plan, SocketKind, Target};
use super::sink::file::Place;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiRules {
    /// Devices can be made at all.
    pub enabled: bool,
    /// `audit_api_folders`: where files may be.
    pub folders: Vec<PathBuf>,
    /// `audit_api_targets`: `tcp://host:port`, `udp://host:port`, `unix:///path`, or a URI; one that ends in `/` stands
    /// for all that begin with it.
    pub targets: Vec<String>,
    /// `allow_audit_log_prefixing`
    pub prefixes: bool,
}

const OFF: &str = "cannot enable audit device via API; use declarative, config-based audit device management instead, or \
                   name in audit_api_folders where files may be";

fn wrong<T>(text: impl Into<String>) -> Result<T, OptionError> {
    Err(OptionError(text.into()))
}

impl ApiRules {
    pub fn check_enabled(&self) -> Result<(), OptionError> {
        if self.enabled { Ok(()) } else { wrong(OFF) }
    }

    /// Where a file may be after all: `None` for what is no file.
    pub fn place(&self, plan: &Plan) -> Result<Option<Place>, OptionError> {
        if !plan.rules.prefix.is_empty() && !self.prefixes {
            return wrong(
                "prefix is not open to the API: the configuration would have to set allow_audit_log_prefixing",
            );
        }
        match &plan.target {
            Target::File { path, .. } => self.within(path).map(Some),
            Target::Stdout | Target::Discard | Target::Syslog { .. } => Ok(None),
            Target::Socket { kind, address } => {
                let scheme = match kind {
                    SocketKind::Tcp => "tcp",
                    SocketKind::Udp => "udp",
                    SocketKind::Unix | SocketKind::UnixDatagram => "unix",
                };
                self.reaches(&format!("{scheme}://{address}")).map(|()| None)
            }
            Target::Http(http) => self.reaches(&http.uri).map(|()| None),
        }
    }

    fn reaches(&self, target: &str) -> Result<(), OptionError> {
        // Whoever connects resolves these, and would be elsewhere then.
        let plain = target.to_ascii_lowercase().replace("%2e", ".");
        if plain.split(['/', '\\']).any(|part| part == "." || part == "..") {
            return wrong(format!("{target} must be a whole address, without . or .. in its path"));
        }
        let allowed = |known: &String| known == target || known.ends_with('/') && target.starts_with(known.as_str());
        if self.targets.iter().any(allowed) {
            return Ok(());
        }
        wrong(format!("{target} is not open to the API: the configuration names what is in audit_api_targets"))
    }

    /// The path with every link of its folder followed, if that is below a folder that is open.
    fn within(&self, path: &Path) -> Result<Place, OptionError> {
        if !path.is_absolute() {
            return wrong(format!("{} must be a whole path, beginning with /", path.display()));
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return wrong(format!("{} does not name a file", path.display()));
        };
        let real = match parent.canonicalize() {
            Ok(real) => real,
            Err(error) => return wrong(format!("the folder {} cannot be used: {error}", parent.display())),
        };
        for folder in &self.folders {
            let Ok(folder) = folder.canonicalize() else { continue };
            if let Ok(below) = real.strip_prefix(&folder) {
                return Ok(Place::Within { below: below.join(name), folder });
            }
        }
        let text = "is in no folder that is open to the API: the configuration names those in audit_api_folders";
        wrong(format!("{} {text}", path.display()))
    }
}
