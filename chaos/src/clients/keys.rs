//! Secrets, written with serial numbers of which there is one each, and read through every node.
//!
//! The number of a secret's version is an index of its own: each write makes the next one and says which, each read shows
//! it. So what is stale or lost can be told by comparing numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{AGAIN, Desk};
use crate::cluster::Cluster;
use crate::dice::Dice;
use crate::history::{Action, KeyOp, Seen};
use crate::http::Reply;

pub const CLIENTS: usize = 24;
/// How many there are, and how many each client has: so six clients share a key, which the search for an order bears.
const KEYS: usize = 16;
const OWN: usize = 4;
const PACE: Duration = Duration::from_millis(12);

static SERIAL: AtomicU64 = AtomicU64::new(1);

pub async fn run(desk: Desk, client: usize, mut dice: Dice) {
    while !desk.is_over() {
        let key = format!("kv/key{}", (client * OWN + dice.index(OWN)) % KEYS);
        let node = desk.a_node(&mut dice);
        let Ok(_room) = desk.room[node].try_acquire() else {
            sleep(Duration::from_millis(1)).await;
            continue;
        };
        let told = if dice.chance(35) && !desk.cluster.is_hushed() {
            write(&desk.cluster, node, &desk.root, &key).await.0
        } else {
            read(&desk.cluster, node, &desk.root, &key).await
        };
        sleep(if told { PACE } else { AGAIN }).await;
    }
}

/// Answers whether the outcome is known, and the version if one was made.
pub async fn write(cluster: &Cluster, node: usize, token: &str, key: &str) -> (bool, Option<u64>) {
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    let body = json!({ "data": { "serial": serial } });
    let start = cluster.history.now();
    // A right may have been taken away; that of the root token is not.
    let expected: &[u16] = if cluster.root() == Some(token) { &[] } else { &[403] };
    let reply = cluster.ask(node, Method::POST, &data(key), Some(token), Some(&body), expected).await;
    let version = reply.good().and_then(|body| body["data"]["version"].as_u64());
    let seen = match (&reply, version) {
        (_, Some(version)) => Seen::Version { version, serial },
        // It has not been done.
        (Reply::NotSent(_) | Reply::Answer { status: 403, .. }, None) => return (true, None),
        _ => Seen::Unknown,
    };
    note(cluster, key, start, node, Action::Write { serial }, seen, reply.index());
    (seen != Seen::Unknown, version)
}

/// Answers whether it was answered.
pub async fn read(cluster: &Cluster, node: usize, token: &str, key: &str) -> bool {
    let start = cluster.history.now();
    let reply = cluster.ask(node, Method::GET, &data(key), Some(token), None, &[404]).await;
    let Some(seen) = seen(&reply) else { return false };
    note(cluster, key, start, node, Action::Read, seen, None);
    true
}

fn seen(reply: &Reply) -> Option<Seen> {
    match reply {
        Reply::Answer { status: 404, .. } => Some(Seen::Nothing),
        Reply::Answer { status: 200, body, .. } => {
            let number = |value: &Value| value.as_u64();
            let version = number(&body["data"]["metadata"]["version"])?;
            Some(Seen::Version { version, serial: number(&body["data"]["data"]["serial"])? })
        }
        _ => None,
    }
}

fn note(cluster: &Cluster, key: &str, start: u64, node: usize, action: Action, seen: Seen, index: Option<u64>) {
    let end = cluster.history.now();
    cluster.history.key(KeyOp { key: key.to_owned(), node, start, end, action, seen, index });
}

fn data(key: &str) -> String {
    key.replacen('/', "/data/", 1)
}

pub async fn read_all(cluster: &Arc<Cluster>) -> Result<(), String> {
    let root = cluster.root().ok_or("there is no root token")?;
    for node in 0..cluster.nodes.len() {
        for number in 0..KEYS {
            let key = format!("kv/key{number}");
            if !read(cluster, node, root, &key).await {
                return Err(format!("{key} cannot be read at the end through node{}", node + 1));
            }
            read_old(cluster, node, root, &key).await;
        }
    }
    Ok(())
}

/// The versions that are kept before the newest.
async fn read_old(cluster: &Cluster, node: usize, root: &str, key: &str) {
    let path = key.replacen('/', "/metadata/", 1);
    let reply = cluster.ask(node, Method::GET, &path, Some(root), None, &[404]).await;
    let versions = reply.good().and_then(|body| body["data"]["versions"].as_object().cloned()).unwrap_or_default();
    for version in versions.keys() {
        let start = cluster.history.now();
        let path = format!("{}?version={version}", data(key));
        let reply = cluster.ask(node, Method::GET, &path, Some(root), None, &[404]).await;
        if let Some(seen @ Seen::Version { .. }) = seen(&reply) {
            note(cluster, key, start, node, Action::ReadOld, seen, None);
        }
    }
}
