//! SIGSTOP, and SIGCONT after a while: a process, or a whole machine, that does not notice how time passes.

use super::{Fired, a_while};
use crate::cluster::{Cluster, Whom};
use crate::dice::Dice;

pub async fn run(cluster: &Cluster, dice: &mut Dice) -> Fired {
    let whom = if dice.chance(60) { Whom::Leader } else { Whom::Anybody };
    let claimed = cluster.claim(whom, dice).await?;
    let node = &cluster.nodes[claimed.node];
    let paused = node.pause().await;
    let began = tokio::time::Instant::now();
    a_while(dice, 300, 4000).await;
    node.go_on();
    paused?;
    let stood = began.elapsed();
    cluster.serves(claimed.node).await?;
    Ok(format!("{} ({whom:?}) stood still for {stood:?}", node.name))
}
