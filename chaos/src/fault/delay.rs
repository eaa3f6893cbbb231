//! Ways that are slow, or lose what they carry.

use std::time::Duration;

use super::{Fired, a_while};
use crate::cluster::Cluster;
use crate::dice::Dice;
use crate::proxy::{Proxies, Rule};

pub async fn delay(cluster: &Cluster, dice: &mut Dice) -> Fired {
    let delay = Duration::from_millis(dice.between(5, 250));
    lay(cluster, dice, Rule { delay, ..Rule::default() }).await
}

pub async fn loss(cluster: &Cluster, dice: &mut Dice) -> Fired {
    let loss = dice.between(2, 15);
    lay(cluster, dice, Rule { loss, ..Rule::default() }).await
}

/// On all ways of one node, or on all there are.
async fn lay(cluster: &Cluster, dice: &mut Dice, rule: Rule) -> Fired {
    let all = cluster.proxies.others(&[]);
    let of = if dice.chance(50) { all.clone() } else { vec![dice.index(all.len())] };
    let directions = Proxies::between(&of, &all);
    let laid = cluster.proxies.lay(&directions, rule);
    a_while(dice, 1000, 4000).await;
    match laid.touched() {
        0 => Err("nothing passed meanwhile".to_owned()),
        touched => Ok(format!("{rule:?} met {touched} pieces on the ways of {of:?}")),
    }
}
