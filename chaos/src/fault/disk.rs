//! The disk of a node's log: slow, or broken.

use std::time::Duration;

use super::{Fired, a_while};
use crate::cluster::{Cluster, Whom};
use crate::control;
use crate::dice::Dice;

pub async fn stall(cluster: &Cluster, dice: &mut Dice) -> Fired {
    let whom = if dice.chance(50) { Whom::Leader } else { Whom::Anybody };
    let claimed = cluster.claim(whom, dice).await?;
    let node = &cluster.nodes[claimed.node];
    let before = cluster.state(claimed.node).await?.spoiled;
    control::disk(&node.socket(), "stall").await?;
    a_while(dice, 200, 3000).await;
    let spoiled = cluster.state(claimed.node).await.map(|state| state.spoiled - before);
    control::disk(&node.socket(), "heal").await?;
    match spoiled? {
        0 => Err(format!("{} wrote nothing meanwhile", node.name)),
        _ => Ok(format!("a write of {} ({whom:?}) waited for the disk", node.name)),
    }
}

/// A sync that fails must end the process: what the disk holds then, nobody knows.
pub async fn sync_error(cluster: &Cluster, dice: &mut Dice) -> Fired {
    let whom = if dice.chance(50) { Whom::Leader } else { Whom::Anybody };
    let claimed = cluster.claim(whom, dice).await?;
    let node = &cluster.nodes[claimed.node];
    node.let_end();
    control::disk(&node.socket(), "fail").await?;
    let ended = node.ended(Duration::from_secs(20)).await;
    if ended.is_err() {
        node.kill()?;
    }
    cluster.start(claimed.node).await?;
    let status = ended?;
    match status.code() {
        Some(FAILED_DISK) => Ok(format!("{} ({whom:?}) ended with {status}", node.name)),
        _ => Err(format!("{} should end with {FAILED_DISK} and ended with {status}", node.name)),
    }
}

/// The exit status of a server whose disk has failed.
const FAILED_DISK: i32 = 70;
