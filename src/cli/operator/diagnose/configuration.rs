//! The configuration itself, and the seal that it names.

use std::path::PathBuf;

use super::finding::Report;
use crate::config::{Flags, Loaded, ServerConfig, Sources};

pub fn check(report: &mut Report, paths: &[PathBuf]) -> Option<ServerConfig> {
    let sources = Sources::of_process(paths.to_owned(), Flags::default());
    let Loaded { config, warnings, .. } = match sources.load() {
        Ok(loaded) => loaded,
        Err(problem) => {
            report.failure("configuration", problem.to_string(), "mend it; nothing else can be checked before");
            return None;
        }
    };
    for warning in &warnings {
        report.warning("configuration", warning.to_string(), "take the key out, or spell it as it is known");
    }
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    report.good("configuration", format!("{} can be used", names.join(", ")));
    Some(config)
}

pub fn seal(report: &mut Report, config: &ServerConfig) {
    if config.seals.is_empty() {
        report.good("seal", "shamir: after each start people unseal the server with their shares");
    } else {
        let named = |seal: &crate::config::Seal| format!("{} ({})", seal.name, seal.by.kind());
        let names: Vec<String> = config.seals.iter().filter(|seal| !seal.disabled).map(named).collect();
        let text =
            format!("the server unseals itself by any of: {}; whoever can use one of them has all", names.join(", "));
        report.good("seal", text);
    }
}
