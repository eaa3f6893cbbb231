//! Autopilot as operators see it: what they have set, which is a record of the cluster, and how its members are.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use storage::{Access, Path, PathKey, Read, View};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::lifecycle::Node;
use crate::replication::{Member, Role};
use crate::space;

/// What counts as healthy, and what is done about members that are gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutopilotConfig {
    pub cleanup_dead_servers: bool,
    pub last_contact_threshold: Duration,
    pub dead_server_last_contact_threshold: Duration,
    pub max_trailing_logs: u64,
    /// So many voters stay, gone or not.
    pub min_quorum: u64,
    pub server_stabilization_time: Duration,
}

impl Default for AutopilotConfig {
    fn default() -> Self {
        Self {
            cleanup_dead_servers: true,
            last_contact_threshold: Duration::from_secs(10),
            dead_server_last_contact_threshold: Duration::from_secs(24 * 3600),
            max_trailing_logs: 1000,
            min_quorum: Self::QUORUM_MIN,
            server_stabilization_time: Duration::from_secs(10),
        }
    }
}

impl AutopilotConfig {
    const QUORUM_MIN: u64 = 3;
    const DEAD_MIN: Duration = Duration::from_secs(60);
    const SILENT_MIN: Duration = Duration::from_secs(1);

    /// Why it cannot be in a cluster whose nodes hear of each other so often, if it cannot.
    pub fn problem(&self, heartbeat: Duration) -> Option<String> {
        let Self { cleanup_dead_servers: cleanup, min_quorum, dead_server_last_contact_threshold: dead, .. } = self;
        let (silent, least) = (self.last_contact_threshold, Self::SILENT_MIN.max(2 * heartbeat));
        if silent < least {
            return Some(format!(
                "last_contact_threshold must be at least {least:?}, for the nodes hear of each other every {heartbeat:?}; \
                 received: {silent:?}"
            ));
        }
        if *dead <= silent {
            return Some(format!(
                "dead_server_last_contact_threshold must be longer than last_contact_threshold, which is {silent:?}: who is \
                 gone was unhealthy before; received: {dead:?}"
            ));
        }
        if *cleanup && *min_quorum < Self::QUORUM_MIN {
            return Some(format!(
                "min_quorum must be set when cleanup_dead_servers is set and it should at least be {}; \
                 cleanup_dead_servers: {cleanup}, min_quorum: {min_quorum}",
                Self::QUORUM_MIN
            ));
        }
        if *cleanup && *dead < Self::DEAD_MIN {
            return Some(format!(
                "dead_server_last_contact_threshold should not be set to less than 1m; received: {}",
                dead.as_secs()
            ));
        }
        None
    }
}

/// The folder of the record: it concerns this cluster's members, so no backup takes it along.
pub fn records() -> Path {
    space::autopilot()
}

pub fn config_key() -> PathKey {
    PathKey::kind("config")
}

/// One member, as the active node judges it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHealth {
    pub member: Member,
    pub voter: bool,
    pub leader: bool,
    pub last_contact: Duration,
    pub last_term: u64,
    pub last_index: u64,
    pub healthy: bool,
    /// Silent for so long that it counts as gone.
    pub failed: bool,
    /// How long `healthy` has been what it is.
    pub stable_for: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutopilotState {
    pub healthy: bool,
    /// How many more voters may be lost.
    pub failure_tolerance: usize,
    pub servers: Vec<ServerHealth>,
}

/// How often the record is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Tells the cluster what is set, as long as this node is active.
pub async fn run(node: Arc<Node>, mut stop: watch::Receiver<bool>) {
    loop {
        if matches!(node.role(), Role::Active { .. }) && !node.is_sealed() {
            match read(&node) {
                Ok(config) => node.replication.configure_autopilot(&config),
                Err(Access::Sealed) => {}
                Err(problem) => tracing::warn!(%problem, "autopilot's configuration cannot be read"),
            }
        }
        if timeout(LOOK, stop.wait_for(|stop| *stop)).await.is_ok() {
            return;
        }
    }
}

fn read(node: &Node) -> Result<AutopilotConfig, Access> {
    let view = View::new(node.store.snapshot()?, records());
    Ok(view.get(&config_key())?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEARTBEAT: Duration = Duration::from_millis(50);

    #[test]
    fn cleaning_up_has_limits() {
        assert_eq!(AutopilotConfig::default().problem(HEARTBEAT), None);
        let few = AutopilotConfig { min_quorum: 2, ..AutopilotConfig::default() };
        assert!(few.problem(HEARTBEAT).unwrap().starts_with("min_quorum"));
        let soon = AutopilotConfig { dead_server_last_contact_threshold: Duration::from_secs(59), ..few.clone() };
        let off = AutopilotConfig { cleanup_dead_servers: false, ..soon.clone() };
        assert_eq!(off.problem(HEARTBEAT), None);
        let soon = AutopilotConfig { min_quorum: 3, ..soon };
        assert!(soon.problem(HEARTBEAT).unwrap().ends_with("less than 1m; received: 59"));
    }

    #[test]
    fn who_is_well_must_be_able_to_look_so() {
        let silent = |ms| AutopilotConfig { last_contact_threshold: Duration::from_millis(ms), ..Default::default() };
        assert!(silent(999).problem(HEARTBEAT).unwrap().contains("at least 1s"));
        assert_eq!(silent(1000).problem(HEARTBEAT), None);
        assert!(silent(9_000).problem(Duration::from_secs(5)).unwrap().contains("at least 10s"));
        let gone = AutopilotConfig { last_contact_threshold: Duration::from_secs(24 * 3600), ..Default::default() };
        assert!(gone.problem(HEARTBEAT).unwrap().starts_with("dead_server_last_contact_threshold"));
    }
}
