//! Wall clocks that are wrong.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Fired, a_while};
use crate::cluster::{Cluster, Whom};
use crate::control;
use crate::dice::Dice;

/// One node's clock jumps by minutes, and back after a while.
pub async fn jump(cluster: &Cluster, dice: &mut Dice) -> Fired {
    let _clocks = cluster.clocks.lock().await;
    let whom = if dice.chance(50) { Whom::Leader } else { Whom::Anybody };
    let claimed = cluster.claim(whom, dice).await?;
    let minutes = i64::try_from(dice.between(2, 60)).unwrap_or(2);
    let offset = if dice.chance(50) { minutes } else { -minutes } * 60_000;
    let seen = set(cluster, claimed.node, offset).await?;
    a_while(dice, 1000, 4000).await;
    set(cluster, claimed.node, 0).await?;
    Ok(format!("the clock of {} ({whom:?}) was wrong by {seen} ms", cluster.nodes[claimed.node].name))
}

/// The clocks of all nodes go apart, by less than what is taken for wrong and by more.
pub async fn skew(cluster: &Cluster, dice: &mut Dice) -> Fired {
    let _clocks = cluster.clocks.lock().await;
    let all = cluster.claim_all().await;
    let mut seen = Vec::new();
    for claimed in &all {
        let offset = i64::try_from(dice.between(0, 80_000)).unwrap_or(0) - 40_000;
        seen.push(set(cluster, claimed.node, offset).await?);
    }
    drop(all);
    a_while(dice, 1000, 4000).await;
    for claimed in cluster.claim_all().await {
        set(cluster, claimed.node, 0).await?;
    }
    Ok(format!("the clocks were wrong by {seen:?} ms"))
}

/// Answers how wrong the clock is then, by the node's own word.
async fn set(cluster: &Cluster, node: usize, offset: i64) -> Result<i64, String> {
    let at = &cluster.nodes[node];
    at.set_clock(offset);
    control::clock(&at.socket(), offset).await?;
    let own = i64::try_from(cluster.state(node).await?.clock).unwrap_or(i64::MAX);
    let true_time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis();
    let off = own - i64::try_from(true_time).unwrap_or(0);
    match (off - offset).abs() {
        0..=1500 => Ok(off),
        _ => Err(format!("the clock of {} is off by {off} ms, and should be by {offset}", at.name)),
    }
}
