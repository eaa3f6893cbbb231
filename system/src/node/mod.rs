//! What a node answers for itself: without a token, sealed or not, never forwarded.

mod health;
mod init;
mod join;
mod leader;
mod rate;
mod seal_backend_status;
mod seal_status;
mod unseal;

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rate::Kind;
pub use rate::Rate;

use holdfast_core::lifecycle::{Introduce, Node};
use holdfast_core::response::Response;
use sdk::{Input, Map, Path, Value};
use storage::Millis;
use tokio::time::Instant;

/// How a request to one of these paths was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    /// POST or PUT.
    Write,
    Other,
}

/// What these paths need besides the node itself.
pub struct Local {
    pub node: Arc<Node>,
    pub introduce: Arc<dyn Introduce>,
    /// From the configuration.
    pub cluster_name: Option<String>,
    /// Whether this node answers reads while it is a standby.
    pub serve_reads: bool,
    /// Whether it is to be said when keys are not pinned to memory.
    pub lock_memory: bool,
    /// Of requests that need no token.
    pub rate: Rate,
    /// The wall clock.
    pub clock: fn() -> Millis,
    /// Since when this node is active.
    pub active_since: Arc<dyn Fn() -> Option<Millis> + Send + Sync>,
    /// Whether this node is about to stop: it still answers, and wants no new clients.
    pub leaving: Arc<AtomicBool>,
}

#[derive(Input)]
struct Nothing {}

/// What is declared of them, below `sys/`.
pub fn paths() -> Vec<Path> {
    let mut paths = vec![
        health::path(),
        seal_backend_status::path(),
        seal_status::path(),
        leader::path(),
        init::path(),
        unseal::path(),
    ];
    paths.extend(join::paths());
    paths
}

/// What no namespace but the root has, whether or not it exists: so little is known of it that it is not looked for.
const OF_THE_CLUSTER: [&str; 14] = [
    "raw",
    "generate-recovery-token",
    "init",
    "seal",
    "step-down",
    "unseal",
    "health",
    "rekey-recovery-key",
    "rekey",
    "storage",
    "generate-root",
    "metrics",
    "pprof",
    "in-flight-req",
];

/// Whether a request to this path is one to the node or the cluster as such, so that it names no namespace.
pub fn is_of_the_cluster(path: &str) -> bool {
    let Some(path) = path.strip_prefix("sys/") else { return false };
    lies_in(path, &OF_THE_CLUSTER)
}

/// Whether a path is one of these, or lies below one.
pub(crate) fn lies_in(path: &str, folders: &[&str]) -> bool {
    let below = |folder: &&str| path.strip_prefix(*folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    folders.iter().any(below)
}

/// Answers if the path is one of these. `query` holds the parameters of a GET.
pub async fn answer(
    local: &Local,
    method: Method,
    path: &str,
    query: &Map<String, Value>,
    body: &Result<Map<String, Value>, String>,
) -> Option<Response> {
    if let Some(kind) = for_anybody(local.node.is_secondary(), method, path)
        && let Err(wait) = local.rate.take(kind, Instant::now())
    {
        return Some(too_many(wait));
    }
    let nothing = Map::new();
    let body = match (method, body) {
        (Method::Write, Err(problem)) if is_local(path) => return Some(Response::errors(400, &[problem])),
        (_, body) => body.as_ref().unwrap_or(&nothing),
    };
    Some(match (path, method) {
        ("sys/health", Method::Get | Method::Head) => health::answer(local, query),
        ("sys/seal-status", Method::Get) => seal_status::answer(&local.node),
        ("sys/seal-backend-status", Method::Get) => seal_backend_status::answer(local),
        ("sys/leader", Method::Get) => leader::answer(local),
        ("sys/init", Method::Get) => init::state(&local.node),
        ("sys/init", Method::Write) => init::init(local, body).await,
        ("sys/unseal", Method::Write) => unseal::unseal(local, body).await,
        ("sys/storage/raft/join", Method::Write) => join::join(local, body).await,
        ("sys/storage/raft/bootstrap/challenge", Method::Write) => join::challenge(local, body),
        ("sys/storage/raft/bootstrap/answer", Method::Write) => join::answer(local, body),
        // A sealed node has nothing left to seal.
        ("sys/seal", Method::Write) if local.node.is_sealed() => Response::empty(204),
        ("sys/seal" | "sys/step-down", Method::Get | Method::Head | Method::Other) => Response::errors(405, &[]),
        (path, _) if is_local(path) => Response::errors(405, &[]),
        _ => return None,
    })
}

/// What may be asked without a token, or may be by configuration, and costs more than reading a number.
/// On a secondary that is all that it serves, so that nobody guesses operation tokens.
fn for_anybody(secondary: bool, method: Method, path: &str) -> Option<Kind> {
    let ceremony = || ["sys/rekey", "sys/generate-root/"].iter().any(|open| path.starts_with(open));
    match path {
        "sys/init" | "sys/unseal" => (method == Method::Write).then_some(Kind::Unseal),
        _ if path.starts_with("sys/storage/raft/") && is_local(path) => (method == Method::Write).then_some(Kind::Join),
        _ if secondary => (!is_local(path) && !is_status(path)).then_some(Kind::Ceremony),
        _ => ceremony().then_some(Kind::Ceremony),
    }
}

fn too_many(wait: Duration) -> Response {
    let text = "too many requests of the kind that needs no token; this node takes more in a moment";
    let mut response = Response::errors(429, &[text]);
    let seconds = wait.as_millis().div_ceil(1000).max(1);
    response.headers.insert("retry-after".into(), seconds.to_string());
    response
}

/// What monitoring asks for, and as cheap as health.
fn is_status(path: &str) -> bool {
    path.starts_with("sys/replication/") && path.ends_with("status")
}

fn is_local(path: &str) -> bool {
    static LOCAL: LazyLock<BTreeSet<String>> =
        LazyLock::new(|| paths().iter().map(|path| format!("sys/{}", path.pattern.text())).collect());
    LOCAL.contains(path)
}

/// What the wire calls this server's version. Clients compare it with Vault's.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
