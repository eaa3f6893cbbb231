//! A node is away until the others have no log any more that reaches back to it: it needs a snapshot, while writes go on.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Fired, a_while};
use crate::cluster::{Cluster, Whom};
use crate::control;
use crate::dice::Dice;
use crate::proxy::{Proxies, Rule};

pub async fn run(cluster: &Cluster, dice: &mut Dice) -> Fired {
    let end = Instant::now() + Duration::from_secs(75);
    let claimed = cluster.claim(Whom::Follower, dice).await?;
    let node = &cluster.nodes[claimed.node];
    let installed = || node.log().matches(INSTALLED).count();
    let before = installed();
    let others = cluster.proxies.others(&[claimed.node]);
    let mut problem = String::new();
    while Instant::now() < end {
        let laid = cluster.proxies.lay(&Proxies::between(&[claimed.node], &others), Rule::CUT);
        a_while(dice, 300, 1000).await;
        let mut upto = Vec::new();
        for other in &others {
            match control::compact(&cluster.nodes[*other].socket()).await {
                Ok(index) => upto.push(index),
                // It may be down, or not have anything yet.
                Err(why) => problem = why,
            }
        }
        // A purge waits for the replication that is under way.
        a_while(dice, 300, 1000).await;
        drop(laid);
        for _ in 0..100 {
            if installed() > before {
                return Ok(format!("{} installed a snapshot; the others had no log up to {upto:?}", node.name));
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
    Err(format!("{} did not need a snapshot: {problem}", node.name))
}

/// What the server's log says then.
const INSTALLED: &str = "a snapshot was installed";
