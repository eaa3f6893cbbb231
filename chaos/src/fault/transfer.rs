//! Leadership is given to a node that lacks entries, past all that the server itself looks at before it hands over.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::step_down::successor;
use super::{Fired, a_while};
use crate::cluster::{Cluster, Whom};
use crate::control;
use crate::dice::Dice;
use crate::proxy::{Direction, Rule};

pub async fn run(cluster: &Cluster, dice: &mut Dice) -> Fired {
    let end = Instant::now() + Duration::from_secs(60);
    let mut last = "nobody led".to_owned();
    while Instant::now() < end {
        match attempt(cluster, dice).await {
            Ok(evidence) => return Ok(evidence),
            Err(why) => last = why,
        }
        sleep(Duration::from_millis(200)).await;
    }
    Err(last)
}

async fn attempt(cluster: &Cluster, dice: &mut Dice) -> Fired {
    let target = cluster.claim(Whom::Follower, dice).await?;
    let name = &cluster.nodes[target.node].name;
    let directions: Vec<Direction> = cluster.proxies.others(&[target.node]).iter().map(|o| (*o, target.node)).collect();
    // Long enough to lag, too short to be missed.
    let delay = cluster.election_max.mul_f64(0.4);
    let laid = cluster.proxies.lay(&directions, Rule { delay, ..Rule::default() });
    a_while(dice, 300, 700).await;
    let (leader, state) = cluster.leader().await.ok_or("nobody led")?;
    let behind = cluster.state(target.node).await?;
    if behind.applied >= state.committed || leader == target.node {
        return Err(format!("{name} does not lag"));
    }
    control::transfer(&cluster.nodes[leader].socket(), name).await?;
    a_while(dice, 0, 500).await;
    drop(laid);
    let (next, then) = successor(cluster, state.term).await.ok_or("nobody led afterwards")?;
    let lacked = state.committed - behind.applied;
    let next = &cluster.nodes[next].name;
    Ok(format!("{name} was given leadership, {lacked} entries behind; {next} leads in term {}", then.term))
}
