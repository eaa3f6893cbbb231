//! What is wrong with this process from its start.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cluster::under_test::{Mutation, be_next, set_clock, set_ways};
use holdfast_core::under_test::{keep_stale_caches, set_linger};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where commands are taken.
    pub socket: PathBuf,
    /// Safeguards to do without, by name.
    #[serde(default)]
    mutations: Vec<String>,
    /// What to dial instead of a peer's own address.
    #[serde(default)]
    ways: BTreeMap<String, String>,
    /// How far off the wall clock is, in milliseconds.
    #[serde(default)]
    clock: i64,
    linger: Option<Linger>,
    /// Of the version after this one, which has one format more.
    #[serde(default)]
    next_format: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Linger {
    path: String,
    ms: u64,
}

impl Settings {
    pub fn read(file: &Path) -> Result<Self, String> {
        let bad = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
        let text = std::fs::read(file).map_err(|e| bad(&e))?;
        serde_json::from_slice(&text).map_err(|e| bad(&e))
    }

    pub fn take_effect(&self) -> Result<(), String> {
        for name in &self.mutations {
            match Mutation::named(name) {
                Some(mutation) => mutation.begin(),
                None if name == "stale-cache" => keep_stale_caches(),
                None => return Err(format!("no mutation is called {name:?}")),
            }
        }
        if self.next_format {
            be_next();
        }
        set_ways(self.ways.clone());
        set_clock(self.clock);
        if let Some(linger) = &self.linger {
            set_linger(linger.path.clone(), Duration::from_millis(linger.ms));
        }
        Ok(())
    }
}
