//! Starting, from a checked configuration to open ports.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cluster::Options;
use holdfast_core::audit::OptionError;
use holdfast_core::backup::auto::{self, Folders};
use holdfast_core::lifecycle::{JoinTarget, Neighbours, Node, Settings};
use holdfast_core::mount::TtlLimits;
use holdfast_core::pipeline::Pipeline;
use holdfast_core::replication::Role;
use holdfast_core::service::Service;
use holdfast_core::trace::Tracer;
use holdfast_core::{autopilot, chores, lease_count, worker};
use parking_lot::Mutex;
use rustix::process::{Resource, getrlimit, setrlimit};
use storage::Millis;
use system::measures::Measures;
use system::node::Local;
use tokio::sync::watch;

use super::audit;
use super::forwarding::Forwarding;
use super::gauges::Measured;
use super::introduce::HttpIntroduce;
use super::post::HttpPost;
use super::probe::{self, Probe};
use super::scrub;
use super::seals::{self, NamespaceSeals, SealError};
use super::second_factors;
use super::{Follow, Server};
use crate::catalog;
use crate::config::{self, Pem, RaftStorage, ServerConfig};
use crate::http::{self, BodyRoom, Face, ListenError, NodeHeaders, RequestLog};
use crate::replication::ClusterReplication;
use crate::telemetry::{metrics, traces};

/// Between two rounds of asking the configured members to be let in.
const RETRY_JOIN: Duration = Duration::from_secs(2);

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Cluster(#[from] cluster::OpenError),
    #[error(transparent)]
    Audit(#[from] OptionError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("other servers cannot be asked: {0}")]
    Outbound(String),
    #[error("traces cannot be sent: {0}")]
    Traces(String),
    #[error("{} cannot be read: {problem}", file.display())]
    File { file: PathBuf, problem: std::io::Error },
}

impl Server {
    pub async fn start(config: ServerConfig) -> Result<Self, StartError> {
        if let Err(problem) = crypto::disable_core_dumps() {
            tracing::warn!(%problem, "core dumps could not be switched off");
        }
        raise_file_limit();
        // A provider that is installed already is the same one.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        // Before anything counts: what was counted earlier would be lost.
        let measured = metrics::start();
        let mut bound = Vec::new();
        for listener in &config.listeners {
            bound.push(http::bind(listener).await?);
        }
        let targets = join_targets(&config.storage)?;

        probe::wait_for_room(&config.storage.path).await;
        let service = Arc::new(OnceLock::new());
        let cluster = cluster::Node::open(cluster_options(&config), Arc::new(Forwarding::new(&service))).await?;
        #[cfg(feature = "faults")]
        crate::under_test::started(Arc::clone(&cluster));
        let replication = Arc::new(ClusterReplication::new(Arc::clone(&cluster), config.storage.path.clone()));
        let limits = TtlLimits { default: config.leases.default, max: config.leases.max };
        let introduce = Arc::new(HttpIntroduce);
        let neighbours = Neighbours { targets: targets.clone(), introduce: Arc::clone(&introduce) as _ };
        let seals = seals::made(&config.seals)?;
        let settings = Settings {
            limits,
            lockouts: config.lockouts.clone(),
            snapshot_folders: Folders::new(config.snapshot_auto_folders.clone()),
            from_members: config.unseal_from_members,
            key_services: Arc::new(NamespaceSeals::new(&config, &seals)?),
            seals,
            neighbours: Some(neighbours),
            second_factors: second_factors::made(config.outbound_hosts.clone()).map_err(StartError::Outbound)?,
        };
        let node = Node::new(replication, settings);

        node.audit.configure(audit::setup(&config)?)?;
        let prometheus = config.telemetry.prometheus;
        let (stop, stopping) = watch::channel(false);
        let measured = Measured {
            metrics: measured,
            node: Arc::clone(&node),
            prometheus,
            data: config.storage.path.clone(),
            configuration: config.sanitized(),
            listeners: bound.iter().map(http::Bound::serving).collect(),
            stop: stopping.clone(),
        };
        let measures: Arc<dyn Measures> = Arc::new(measured);
        tokio::spawn(roll_metrics());
        let catalog = system::with_builtins(catalog::plugins(), &node, &measures);
        let pipeline = Pipeline::new(Arc::clone(&node), catalog.clone());
        let (tracer, exporting) = match &config.telemetry.traces {
            None => (None, None),
            Some(settings) => {
                let post = HttpPost::new().map_err(StartError::Traces)?;
                let (tracer, exporting) = traces::start(settings, &config.storage.node_id, Arc::new(post));
                (Some(tracer as Arc<dyn Tracer>), Some(exporting))
            }
        };
        let service_of = Service::new(Arc::clone(&node), catalog, pipeline, config.standby_reads);
        let serving = Arc::new(service_of.traced(tracer));
        // The only place that sets it.
        let _ = service.set(Arc::clone(&serving));

        let leaving = Arc::new(AtomicBool::new(false));
        let local = Local {
            node: Arc::clone(&node),
            introduce: Arc::clone(&introduce) as _,
            cluster_name: config.cluster_name.clone(),
            serve_reads: config.standby_reads,
            lock_memory: config.lock_memory,
            rate: system::node::Rate::default(),
            clock: cluster::time::wall,
            active_since: active_since(&node),
            leaving: Arc::clone(&leaving),
        };
        let (bodies, names, log) = (BodyRoom::default(), node_headers(&config), RequestLog::default());
        let face = Arc::new(Face { service: serving, local, bodies, measures, names, log });
        face.log.set(config.log.requests);
        let room = http::connection_room();
        let serve = |bound: http::Bound| bound.serve(Arc::clone(&face), Arc::clone(&room), stopping.clone());
        let listening: Vec<_> = bound.into_iter().map(serve).collect();
        let probe = Probe {
            node: Arc::clone(&node),
            cluster: Arc::clone(&cluster),
            listeners: listening.iter().map(|listening| Arc::clone(&listening.serving)).collect(),
            reserve: config.storage.min_free_space,
        };
        tokio::spawn(probe.run(stopping.clone()));
        tokio::spawn(scrub::run(Arc::clone(&node), stopping.clone()));
        tokio::spawn(Arc::clone(&node).watch_seals(stopping.clone()));
        tokio::spawn(Arc::clone(&node).unseal_itself(stopping.clone()));
        tokio::spawn(Arc::clone(&node).unseal_from_members(stopping.clone()));
        tokio::spawn(Arc::clone(&node).keep_attuned(stopping.clone()));
        tokio::spawn(Arc::clone(&node).keep_tenants(stopping.clone()));
        tokio::spawn(Arc::clone(&node).keep_services(stopping.clone()));
        tokio::spawn(Arc::clone(&node).keep_keys(stopping.clone()));
        tokio::spawn(Arc::clone(&node).heed_exclusion(stopping.clone()));
        tokio::spawn(autopilot::run(Arc::clone(&node), stopping.clone()));
        tokio::spawn(worker::run(Arc::clone(&node), stopping.clone()));
        tokio::spawn(chores::run(Arc::clone(&node), stopping.clone()));
        tokio::spawn(auto::run(Arc::clone(&node), stopping.clone()));
        tokio::spawn(lease_count::run(Arc::clone(&node), stopping.clone()));
        if !targets.is_empty() {
            tokio::spawn(keep_asking(Arc::clone(&node), targets, introduce, stopping));
        }
        let mut followers: Vec<Box<dyn Follow>> = vec![Box::new(face)];
        followers.extend(listening.iter().map(|l| Box::new(Arc::clone(&l.serving)) as Box<dyn Follow>));
        Ok(Self { node, cluster, listening, followers, leaving, exporting, stop })
    }
}

/// Ends with the runtime.
async fn roll_metrics() {
    let metrics = metrics::start();
    let mut beat = tokio::time::interval(metrics::INTERVAL);
    loop {
        beat.tick().await;
        metrics.roll();
    }
}

/// Connections and the store's files come out of one number, which is small by default and may be raised freely.
fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(problem) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%problem, "the number of files that may be open was not raised");
    }
}

fn node_headers(config: &ServerConfig) -> NodeHeaders {
    NodeHeaders {
        hostname: config::host_name().filter(|_| config.tell_hostname),
        raft_node_id: Some(config.storage.node_id.clone()).filter(|_| config.tell_node_id),
    }
}

fn cluster_options(config: &ServerConfig) -> Options {
    let storage = &config.storage;
    let mut listen: Vec<_> = config.listeners.iter().filter_map(|l| Some(l.endpoint.tcp()?.1)).collect();
    listen.dedup();
    Options {
        data: storage.path.clone(),
        name: storage.node_id.clone(),
        listen,
        advertise: config.cluster_address.to_string(),
        api_address: config.api_address.to_string(),
        timing: cluster::Timing {
            heartbeat: storage.timing.heartbeat,
            election_min: storage.timing.election_min,
            election_max: storage.timing.election_max,
        },
        max_entry_size: storage.max_entry_size,
        read_index_only: storage.read_index_only,
        snapshot_rate: storage.snapshot_rate_limit,
        feed_max: storage.replication_feed_max_size,
    }
}

/// Since when this node has been active, for as long as it is.
fn active_since(node: &Arc<Node>) -> Arc<dyn Fn() -> Option<Millis> + Send + Sync> {
    let since = Arc::new(Mutex::new(None));
    let mut role = node.replication.role();
    let kept = Arc::clone(&since);
    tokio::spawn(async move {
        loop {
            let active = matches!(*role.borrow_and_update(), Role::Active { .. });
            let before = *kept.lock();
            *kept.lock() = active.then(|| before.unwrap_or_else(cluster::time::wall));
            if role.changed().await.is_err() {
                return;
            }
        }
    });
    Arc::new(move || *since.lock())
}

fn join_targets(storage: &RaftStorage) -> Result<Vec<JoinTarget>, StartError> {
    let read = |pem: &Pem| match pem {
        Pem::Text(text) => Ok(text.clone()),
        Pem::File(file) => {
            std::fs::read_to_string(file).map_err(|problem| StartError::File { file: file.clone(), problem })
        }
    };
    storage
        .retry_join
        .iter()
        .map(|block| {
            let (cert, key) = match &block.client {
                Some((cert, key)) => (Some(read(cert)?), Some(read(key)?)),
                None => (None, None),
            };
            Ok(JoinTarget {
                leader_api_addr: block.leader.to_string(),
                leader_ca_cert: block.ca.as_ref().map(read).transpose()?,
                leader_client_cert: cert,
                leader_client_key: key,
                leader_tls_servername: block.server_name.clone(),
                non_voter: storage.retry_join_as_non_voter,
            })
        })
        .collect()
}

/// Asks every configured member in turn until one lets this node in, or it belongs to a cluster.
async fn keep_asking(
    node: Arc<Node>,
    targets: Vec<JoinTarget>,
    introduce: Arc<HttpIntroduce>,
    mut stop: watch::Receiver<bool>,
) {
    let own = node.replication.joining().api_address;
    let mut reasons = HashMap::new();
    while node.seeks_cluster() {
        for target in targets.iter().filter(|t| t.leader_api_addr != own) {
            match node.join(target.clone(), Arc::clone(&introduce) as _).await {
                Ok(()) => break,
                // It is asked every other second: what has been said already is not said again.
                Err(problem) => {
                    let reason = problem.to_string();
                    if reasons.get(&target.leader_api_addr) == Some(&reason) {
                        tracing::debug!(%problem, "not let in yet");
                    } else {
                        tracing::warn!(%problem, "not let in yet; this node goes on asking");
                        reasons.insert(target.leader_api_addr.clone(), reason);
                    }
                }
            }
        }
        if tokio::time::timeout(RETRY_JOIN, stop.wait_for(|stop| *stop)).await.is_ok() {
            return;
        }
    }
}
