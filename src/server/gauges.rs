//! What this node's state is, as metrics: read when somebody looks, not kept.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use holdfast_core::dr::{CopyState, Standing};
use holdfast_core::lanes::Fill;
use holdfast_core::lifecycle::Node;
use holdfast_core::replication::Role;
use metrics::{Key, gauge};
use sdk::{Failure, Map, Value};
use system::measures::{Host, Lines, Measures};
use tokio::sync::watch;

use super::host;
use super::watcher::Watcher;
use crate::config::LogLevel;
use crate::http::Serving;
use crate::telemetry;
use crate::telemetry::metrics::{Metrics, PROMETHEUS};

/// The process's metrics, with those of its node.
pub struct Measured {
    pub metrics: Arc<Metrics>,
    pub node: Arc<Node>,
    /// `prometheus_retention_time` is not zero.
    pub prometheus: bool,
    /// The folder of everything that this node keeps.
    pub data: PathBuf,
    /// As it may be shown.
    pub configuration: Map<String, Value>,
    pub listeners: Vec<Arc<Serving>>,
    /// Becomes true when the server stops.
    pub stop: watch::Receiver<bool>,
}

impl Measures for Measured {
    fn json(&self) -> Value {
        self.gather();
        self.metrics.json()
    }

    fn prometheus(&self) -> Option<(&'static str, String)> {
        self.gather();
        self.prometheus.then(|| (PROMETHEUS, self.metrics.prometheus()))
    }

    fn listen(&self, level: &str, format: &str) -> sdk::Result<Box<dyn Lines>> {
        Ok(Box::new(Watcher::new(level, format, self.stop.clone())?))
    }

    fn log_levels(&self) -> BTreeMap<String, String> {
        let levels = telemetry::lines_of_this_process().map(telemetry::Lines::levels).unwrap_or_default();
        levels.into_iter().map(|(part, level)| (part.to_owned(), level.name().to_owned())).collect()
    }

    fn set_log_level(&self, part: Option<&str>, level: Option<&str>) -> sdk::Result<()> {
        let parse = |text: &str| {
            let known = LogLevel::parse(text).filter(|_| !text.is_empty());
            known.ok_or_else(|| {
                Failure::Invalid(format!("invalid level provided: unknown log level: {text}; {}", LogLevel::WANTED))
            })
        };
        let level = level.map(parse).transpose()?;
        let log = telemetry::lines_of_this_process()
            .ok_or_else(|| Failure::NoSuch("this server writes no log".to_owned()))?;
        match log.set_level(part, level) {
            true => Ok(()),
            false => Err(Failure::Invalid(format!("logger {:?} not found", part.unwrap_or_default()))),
        }
    }

    fn host(&self) -> Host {
        host::describe(&self.data)
    }

    fn configuration(&self) -> Map<String, Value> {
        self.configuration.clone()
    }

    fn sets_header(&self, name: &str) -> bool {
        self.listeners.iter().any(|listener| listener.config.load().headers.sets(name))
    }
}

impl Measured {
    fn gather(&self) {
        let flag = |holds: bool| if holds { 1.0 } else { 0.0 };
        let role = self.node.role();
        gauge!("vault.core.unsealed").set(flag(!self.node.is_sealed()));
        gauge!("vault.core.active").set(flag(matches!(role, Role::Active { .. })));
        gauge!("vault.core.performance_standby").set(flag(self.node.reads_as_standby()));

        for Fill { lane, running, waiting } in self.node.lanes.fill() {
            gauge!("holdfast.core.running", LANE => lane.name()).set(running as f64);
            gauge!("holdfast.core.waiting", LANE => lane.name()).set(waiting as f64);
        }

        gauge!("holdfast.node.diverged").set(flag(self.node.divergence().is_some()));

        let position = self.node.replication.position();
        gauge!("vault.raft_storage.stats.commit_index").set(position.committed as f64);
        gauge!("vault.raft_storage.stats.applied_index").set(position.applied as f64);
        gauge!("vault.raft_storage.stats.fsm_pending").set(position.committed.saturating_sub(position.applied) as f64);
        let members = self.node.replication.members();
        gauge!("vault.raft.peers").set(members.len() as f64);
        gauge!("holdfast.raft.voters").set(members.iter().filter(|member| member.voter).count() as f64);
        // How the members are is known on the active node alone, and of those that are there.
        let autopilot = self.node.replication.autopilot();
        let known = |key: &Key| {
            let mut nodes = key.labels().filter(|label| label.key() == NODE);
            let servers = autopilot.as_ref().map(|state| &state.servers);
            servers.is_some_and(|all| nodes.all(|node| all.iter().any(|server| server.member.name == node.value())))
        };
        self.metrics.forget(|key| key.name().starts_with("vault.autopilot.") && !known(key));
        if let Some(state) = &autopilot {
            gauge!("vault.autopilot.healthy").set(flag(state.healthy));
            gauge!("vault.autopilot.failure_tolerance").set(state.failure_tolerance as f64);
            for server in &state.servers {
                let name = server.member.name.clone();
                gauge!("vault.autopilot.node.healthy", NODE => name).set(flag(server.healthy));
            }
        }
        self.dr();
        gauge!("holdfast.raft.has_leader").set(flag(members.iter().any(|member| member.leader)));
    }
}

impl Measured {
    /// How this cluster stands to others. How far the copies are is known on the active node alone, and of those that are there.
    fn dr(&self) {
        let flag = |holds: bool| if holds { 1.0 } else { 0.0 };
        let (standing, link) = (self.node.standing(), self.node.other_cluster());
        gauge!("vault.core.replication.dr.primary").set(flag(matches!(standing, Standing::Primary { .. })));
        gauge!("vault.core.replication.dr.secondary").set(flag(matches!(standing, Standing::Secondary { .. })));
        let primary = link.primary_progress();
        let known = |key: &Key| {
            let mut names = key.labels().filter(|label| label.key() == SECONDARY);
            let known = primary.as_ref().map(|progress| &progress.secondaries);
            known.is_some_and(|all| names.all(|name| all.iter().any(|lag| lag.id == name.value())))
        };
        self.metrics.forget(|key| key.name().starts_with("holdfast.dr.secondary.") && !known(key));
        if let Some(progress) = &primary {
            gauge!("vault.replication.wal.last_wal").set(progress.revision.n as f64);
            gauge!("vault.replication.wal.last_dr_wal").set(progress.revision.n as f64);
            gauge!("holdfast.dr.feed.bytes").set(progress.feed_bytes as f64);
            for lag in &progress.secondaries {
                let name = || lag.id.clone();
                if let Some(behind) = lag.behind {
                    gauge!("holdfast.dr.secondary.behind", SECONDARY => name()).set(behind as f64);
                }
                if let Some(lag) = lag.lag {
                    gauge!("holdfast.dr.secondary.lag", SECONDARY => name()).set(lag.as_secs_f64());
                }
            }
        }
        let secondary = link.secondary_progress();
        self.metrics.forget(|key| key.name().starts_with("holdfast.dr.copy.") && secondary.is_none());
        // Nobody knows how far the primary is, and the last number would say so.
        let unknown = secondary.as_ref().is_some_and(|progress| progress.behind.is_none());
        self.metrics.forget(|key| key.name() == "holdfast.dr.copy.behind" && unknown);
        if let Some(progress) = &secondary {
            gauge!("vault.replication.fsm.last_remote_wal").set(progress.revision.n as f64);
            gauge!("holdfast.dr.copy.following").set(flag(progress.state == CopyState::Following));
            if let Some(behind) = progress.behind {
                gauge!("holdfast.dr.copy.behind").set(behind as f64);
            }
            if let Some(lag) = progress.lag {
                gauge!("holdfast.dr.copy.lag").set(lag.as_secs_f64());
            }
        }
    }
}

/// The label that says which copy it is of.
const SECONDARY: &str = "secondary";
/// The label that says with whom a request shares its places.
const LANE: &str = "lane";
/// The label that says whose it is.
const NODE: &str = "node_id";
