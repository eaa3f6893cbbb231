//! A member is removed while it runs, emptied, and joins again as somebody new.

use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{Fired, a_while};
use crate::cluster::{Cluster, Whom};
use crate::dice::Dice;

pub async fn run(cluster: &Cluster, dice: &mut Dice) -> Fired {
    let claimed = cluster.claim(Whom::Follower, dice).await?;
    let node = &cluster.nodes[claimed.node];
    let through = *dice.pick(&cluster.proxies.others(&[claimed.node])).ok_or("there is one node alone")?;
    node.let_end();
    let end = Instant::now() + Duration::from_secs(40);
    let mut last = String::new();
    let removed = loop {
        if Instant::now() > end {
            break Err(format!("{} was not removed: {last}", node.name));
        }
        let body = json!({ "server_id": node.name });
        let reply = cluster.bare(through, Method::POST, "sys/storage/raft/remove-peer", Some(&body)).await;
        last = reply.describe();
        // The first attempt may have worked without an answer; then the second finds nobody to remove.
        if listed(cluster, through, &node.name).await == Some(false) {
            break Ok(());
        }
        sleep(Duration::from_millis(200)).await;
    };
    if removed.is_ok() {
        a_while(dice, 0, 1000).await;
    }
    if node.runs() {
        node.kill()?;
    }
    if removed.is_ok() {
        node.wipe()?;
    }
    cluster.start(claimed.node).await?;
    removed?;
    while listed(cluster, through, &node.name).await != Some(true) {
        if Instant::now() > end + Duration::from_secs(40) {
            return Err(format!("{} did not become a member again", node.name));
        }
        sleep(Duration::from_millis(100)).await;
    }
    Ok(format!(
        "{} was removed through {}, and joined again with an empty folder",
        node.name, cluster.nodes[through].name
    ))
}

/// Whether the members have one of this name; none if nobody can tell.
async fn listed(cluster: &Cluster, through: usize, name: &str) -> Option<bool> {
    let answer = cluster.bare(through, Method::GET, "sys/storage/raft/configuration", None).await;
    let servers: Vec<Value> = answer.good()?["data"]["config"]["servers"].as_array()?.clone();
    Some(servers.iter().any(|server| server["node_id"] == json!(name)))
}
