//! The voter that a leader has its lease from forgets that it gave it, as the partition turns.
//!
//! ```text
//!   leader ── witness    candidates      for longer than an election takes
//!   leader    witness ── candidates      from the moment on that the witness is killed; it is back at once
//! ```
//! Nobody writes before the turn, so that the candidates lack nothing and could be elected, and everybody does from then on.
//! Who restarts must not elect anybody before the lease that it may have given is over.

use tokio::time::sleep;

use super::{Fired, a_while};
use crate::cluster::{Cluster, Whom};
use crate::dice::Dice;
use crate::node::was_killed;
use crate::proxy::{Proxies, Rule};

pub async fn run(cluster: &Cluster, dice: &mut Dice) -> Fired {
    let claimed = cluster.claim(Whom::Follower, dice).await?;
    let witness = claimed.node;
    let (leader, _) = cluster.leader().await.filter(|(leader, _)| *leader != witness).ok_or("nobody led")?;
    let mut candidates = cluster.proxies.others(&[leader, witness]);
    dice.shuffle(&mut candidates);
    // With the witness they are a majority, without it they are none.
    candidates.truncate(cluster.nodes.len() / 2);
    let others = cluster.proxies.others(&candidates);
    let hush = cluster.hush().await;
    let first = cluster.proxies.lay(&Proxies::between(&candidates, &others), Rule::CUT);
    sleep(cluster.election_max.mul_f64(1.5)).await;
    a_while(dice, 0, 500).await;

    let stayed: Vec<usize> = others.iter().copied().filter(|node| *node != witness).collect();
    let turned: Vec<usize> = candidates.iter().copied().chain([witness]).collect();
    let second = cluster.proxies.lay(&Proxies::between(&stayed, &turned), Rule::CUT);
    let status = cluster.nodes[witness].kill()?;
    let held = first.touched();
    drop((first, hush));
    cluster.nodes[witness].start()?;
    sleep(cluster.election_max.mul_f64(1.5)).await;
    let held_then = second.touched();
    drop(second);
    cluster.serves(witness).await?;
    if !was_killed(status) || held == 0 || held_then == 0 {
        return Err(format!("{status}; {held} pieces held back, then {held_then}"));
    }
    Ok(format!("node{} restarted as the partition turned from {candidates:?} to {turned:?}", witness + 1))
}
