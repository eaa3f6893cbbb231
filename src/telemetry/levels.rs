//! From which severity on each part of the server writes lines.
//!
//! A part is a name that operators know and the modules that belong to it. The lines of a module go by the longest part that
//! names it, those of libraries by what holds for all.

use std::collections::BTreeMap;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

use super::{as_filter, base};
use crate::config::LogLevel;

/// Names as Vault has them, where there is such a thing.
const PARTS: &[(&str, &[&str])] = &[
    ("audit", &["holdfast_core::audit"]),
    ("core", &["holdfast_core"]),
    ("expiration", &["holdfast_core::worker", "holdfast_core::token", "holdfast_core::lease_count"]),
    ("http", &["holdfast::http"]),
    ("identity", &["system::identity"]),
    ("quotas", &["holdfast_core::quota"]),
    ("server", &["holdfast"]),
    ("storage.raft", &["cluster"]),
    ("system", &["system"]),
];

pub struct Levels {
    configured: LogLevel,
    /// What holds for libraries, and for what no part names.
    rest: LogLevel,
    parts: BTreeMap<&'static str, LogLevel>,
}

impl Levels {
    pub fn new(level: LogLevel) -> Levels {
        let parts = PARTS.iter().map(|(name, _)| (*name, level)).collect();
        Levels { configured: level, rest: level, parts }
    }

    pub fn parts(&self) -> &BTreeMap<&'static str, LogLevel> {
        &self.parts
    }

    /// Sets one part, or all; to what the configuration says where no level is given. False: there is no such part.
    pub fn set(&mut self, part: Option<&str>, level: Option<LogLevel>) -> bool {
        let level = level.unwrap_or(self.configured);
        let Some(part) = part else {
            *self = Levels { configured: self.configured, ..Levels::new(level) };
            return true;
        };
        match self.parts.get_mut(part) {
            Some(of_part) => {
                *of_part = level;
                true
            }
            None => false,
        }
    }

    pub fn filter(&self) -> Targets {
        let of_parts = PARTS.iter().flat_map(|(name, modules)| {
            let level = self.parts.get(name).map_or(LevelFilter::INFO, |level| as_filter(*level));
            modules.iter().map(move |module| (*module, level))
        });
        base(self.rest).with_targets(of_parts)
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn each_part_has_its_own_level() {
        let mut levels = Levels::new(LogLevel::Info);
        let writes = |levels: &Levels, module: &str, level| levels.filter().would_enable(module, &level);
        assert!(levels.set(Some("core"), Some(LogLevel::Debug)));
        assert!(writes(&levels, "holdfast_core::pipeline", Level::DEBUG));
        assert!(!writes(&levels, "holdfast_core::worker", Level::DEBUG), "that is another part");
        assert!(!writes(&levels, "holdfast::server", Level::DEBUG));
        assert!(levels.set(None, Some(LogLevel::Error)));
        assert!(levels.parts().values().all(|level| *level == LogLevel::Error));
        assert!(!writes(&levels, "tokio", Level::WARN), "libraries as well");
        assert!(levels.set(Some("core"), None));
        assert_eq!((levels.parts()["core"], levels.parts()["http"]), (LogLevel::Info, LogLevel::Error));
        assert!(!levels.set(Some("nope"), Some(LogLevel::Info)));
        assert!(levels.set(None, None));
        assert!(writes(&levels, "tokio", Level::INFO) && !writes(&levels, "openraft::core", Level::WARN));
    }
}
