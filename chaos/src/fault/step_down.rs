//! `sys/step-down`, through any node.

use std::time::Duration;

use hyper::Method;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::Fired;
use crate::cluster::Cluster;
use crate::dice::Dice;

pub async fn run(cluster: &Cluster, dice: &mut Dice) -> Fired {
    let end = Instant::now() + Duration::from_secs(45);
    let mut last = "nobody led".to_owned();
    while Instant::now() < end {
        if let Some((leader, state)) = cluster.leader().await {
            let through = dice.index(cluster.nodes.len());
            let reply = cluster.bare(through, Method::PUT, "sys/step-down", Some(&json!({}))).await;
            last = reply.describe();
            if reply.good().is_some()
                && let Some((next, then)) = successor(cluster, state.term).await
            {
                let name = |node: usize| &cluster.nodes[node].name;
                let (from, to) = (state.term, then.term);
                return Ok(format!("{} led in term {from}, then {} in term {to}", name(leader), name(next)));
            }
        }
        sleep(Duration::from_millis(200)).await;
    }
    Err(format!("nobody stepped down: {last}"))
}

/// Who leads in a later term.
pub(super) async fn successor(cluster: &Cluster, term: u64) -> Option<(usize, crate::control::State)> {
    for _ in 0..200 {
        if let Some((leader, state)) = cluster.leader().await
            && state.term > term
        {
            return Some((leader, state));
        }
        sleep(Duration::from_millis(50)).await;
    }
    None
}
