//! `kill -9`.

use std::time::Duration;

use tokio::time::sleep;

use super::Fired;
use crate::cluster::{Cluster, Whom};
use crate::dice::Dice;
use crate::node::was_killed;

pub async fn run(cluster: &Cluster, dice: &mut Dice, down: Duration) -> Fired {
    let whom = if dice.chance(50) { Whom::Leader } else { Whom::Anybody };
    let claimed = cluster.claim(whom, dice).await?;
    let node = &cluster.nodes[claimed.node];
    let status = node.kill()?;
    if !was_killed(status) {
        return Err(format!("{} ended otherwise: {status}", node.name));
    }
    sleep(down).await;
    cluster.start(claimed.node).await?;
    Ok(format!("{} ({whom:?}) ended by {status} and served again after {down:?}", node.name))
}
