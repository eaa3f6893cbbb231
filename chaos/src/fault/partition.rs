//! Ways that carry nothing.

use super::{Fired, a_while};
use crate::cluster::Cluster;
use crate::dice::Dice;
use crate::proxy::{Direction, Proxies, Rule};

/// A minority sees nobody else: half of the time it is the leader that is in it.
pub async fn isolate(cluster: &Cluster, dice: &mut Dice) -> Fired {
    let leader = leader(cluster).await?;
    let mut others = cluster.proxies.others(&[leader]);
    dice.shuffle(&mut others);
    let size = dice.between(1, (cluster.nodes.len() as u64 - 1) / 2);
    let mut alone: Vec<usize> = if dice.chance(50) { vec![leader] } else { Vec::new() };
    alone.extend(others);
    alone.truncate(usize::try_from(size).unwrap_or(1));
    cut(cluster, dice, &Proxies::between(&alone, &cluster.proxies.others(&alone))).await
}

/// One node sees all, and the halves beside it do not see each other. The leader is in one of them.
pub async fn bridge(cluster: &Cluster, dice: &mut Dice) -> Fired {
    let leader = leader(cluster).await?;
    let mut others = cluster.proxies.others(&[leader]);
    dice.shuffle(&mut others);
    // The last one is the bridge.
    others.pop();
    let (mut ones, half) = (vec![leader], cluster.nodes.len() / 2);
    let rest = others.split_off(half.min(others.len()));
    ones.extend(rest);
    cut(cluster, dice, &Proxies::between(&ones, &others)).await
}

/// The leader, or a follower, is heard and does not hear; or hears and is not heard.
pub async fn one_way(cluster: &Cluster, dice: &mut Dice) -> Fired {
    let leader = leader(cluster).await?;
    let others = cluster.proxies.others(&[leader]);
    let node = if dice.chance(50) { leader } else { *dice.pick(&others).ok_or("there is one node alone")? };
    let heard = dice.chance(50);
    let direction = |other: usize| if heard { (other, node) } else { (node, other) };
    let directions: Vec<Direction> = cluster.proxies.others(&[node]).into_iter().map(direction).collect();
    cut(cluster, dice, &directions).await
}

async fn leader(cluster: &Cluster) -> Result<usize, String> {
    for _ in 0..200 {
        if let Some((leader, _)) = cluster.leader().await {
            return Ok(leader);
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Err("nobody led".to_owned())
}

async fn cut(cluster: &Cluster, dice: &mut Dice, directions: &[Direction]) -> Fired {
    let laid = cluster.proxies.lay(directions, Rule::CUT);
    a_while(dice, 500, 4000).await;
    match laid.touched() {
        0 => Err(format!("nothing wanted to pass over {directions:?}")),
        held => Ok(format!("{held} pieces were held back over {directions:?}")),
    }
}
