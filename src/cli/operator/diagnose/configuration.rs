//! The configuration itself, and the seal that it names.

use std::path::PathBuf;

use super::finding::Report;
use crate::config::{Flags, Loaded, Seal, ServerConfig, Sources};

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
    if config.seal == Seal::default() {
        report.good("seal", "shamir: after each start people unseal the server with their shares");
    } else {
        report.good("seal", "the server unseals itself by a key that it is given; whoever has that key has all");
    }
}
