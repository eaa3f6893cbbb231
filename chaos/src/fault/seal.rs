//! One node is sealed by request, and unsealed after a while.

use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::Method;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{Fired, a_while};
use crate::cluster::{Cluster, Whom};
use crate::dice::Dice;

pub async fn run(cluster: &Cluster, dice: &mut Dice) -> Fired {
    let whom = if dice.chance(50) { Whom::Leader } else { Whom::Anybody };
    let claimed = cluster.claim(whom, dice).await?;
    let node = &cluster.nodes[claimed.node];
    node.stays_sealed.store(true, Ordering::Relaxed);
    let sealed = seal(cluster, claimed.node).await;
    if sealed.is_ok() {
        a_while(dice, 300, 4000).await;
    }
    node.stays_sealed.store(false, Ordering::Relaxed);
    cluster.serves(claimed.node).await?;
    sealed?;
    Ok(format!("{} ({whom:?}) was sealed and unsealed", node.name))
}

async fn seal(cluster: &Cluster, node: usize) -> Result<(), String> {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let reply = cluster.bare(node, Method::PUT, "sys/seal", Some(&json!({}))).await;
        let status = cluster.bare(node, Method::GET, "sys/seal-status", None).await;
        if status.good().is_some_and(|body| body["sealed"] == json!(true)) {
            return Ok(());
        }
        if Instant::now() > end {
            return Err(format!("{} was not sealed: {}", cluster.nodes[node].name, reply.describe()));
        }
        sleep(Duration::from_millis(200)).await;
    }
}
