//! A node is away until the others have no log any more that reaches back to it: it needs a snapshot, while writes go on.
//!
//! A leader keeps what it is sending somebody, however often that fails. So it is the followers that forget, and one of them
//! that leads from then on.

use std::time::Duration;

use hyper::Method;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::step_down::successor;
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
    let mut last = "nobody led".to_owned();
    while Instant::now() < end {
        match attempt(cluster, claimed.node, dice).await {
            Ok(upto) => {
                for _ in 0..100 {
                    if installed() > before {
                        return Ok(format!("{} installed a snapshot; there was no log up to {upto}", node.name));
                    }
                    sleep(Duration::from_millis(50)).await;
                }
                last = format!("there was no log up to {upto}, and none was needed");
            }
            Err(problem) => last = problem,
        }
        sleep(Duration::from_millis(200)).await;
    }
    Err(format!("{} did not need a snapshot: {last}", node.name))
}

/// Answers up to where the new leader has no log.
async fn attempt(cluster: &Cluster, away: usize, dice: &mut Dice) -> Result<u64, String> {
    let others = cluster.proxies.others(&[away]);
    let laid = cluster.proxies.lay(&Proxies::between(&[away], &others), Rule::CUT);
    a_while(dice, 300, 1000).await;
    let (leader, state) = cluster.leader().await.ok_or("nobody led")?;
    let mut upto = Vec::new();
    for other in others.iter().filter(|other| **other != leader) {
        upto.push((*other, control::compact(&cluster.nodes[*other].socket()).await?));
    }
    let reply = cluster.bare(leader, Method::PUT, "sys/step-down", Some(&json!({}))).await;
    let (next, _) = successor(cluster, state.term).await.ok_or_else(|| reply.describe())?;
    drop(laid);
    let of_next = upto.iter().find(|(node, _)| *node == next).map(|(_, index)| *index);
    of_next.ok_or_else(|| "who leads now has its whole log".to_owned())
}

/// What the server's log says then.
const INSTALLED: &str = "a snapshot was installed";
