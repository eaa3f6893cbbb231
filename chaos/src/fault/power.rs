//! The power of all nodes goes at once.

use super::{Fired, a_while};
use crate::cluster::Cluster;
use crate::dice::Dice;
use crate::node::was_killed;

pub async fn run(cluster: &Cluster, dice: &mut Dice) -> Fired {
    let all = cluster.claim_all().await;
    let statuses: Vec<_> = all.iter().map(|claimed| cluster.nodes[claimed.node].kill()).collect();
    a_while(dice, 0, 1000).await;
    for claimed in &all {
        cluster.nodes[claimed.node].start()?;
    }
    for claimed in &all {
        cluster.serves(claimed.node).await?;
    }
    for status in statuses {
        let status = status?;
        if !was_killed(status) {
            return Err(format!("a node ended otherwise: {status}"));
        }
    }
    Ok(format!("{} nodes were killed at once and served again", all.len()))
}
