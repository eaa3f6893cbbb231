//! Writes on their way into the log of a leader that the others do not answer.

use std::sync::Arc;
use std::time::Duration;

use openraft::rt::WatchReceiver;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::nodes::{Nodes, batch, until};
use crate::consensus::{Applied, Command, LeaderId, Timing};
use crate::propose::Proposals;

const SECOND: Duration = Duration::from_secs(1);

fn proposals(nodes: &Nodes) -> Arc<Proposals> {
    Arc::new(Proposals::start(nodes.node(1).raft.clone(), &Handle::current()))
}

/// Whether it was committed.
fn put(nodes: &Nodes, proposals: &Arc<Proposals>, n: u8) -> JoinHandle<bool> {
    let term = nodes.node(1).raft.metrics().borrow_watched().vote.leader_id.term;
    let (proposals, timing) = (Arc::clone(proposals), nodes.timing);
    tokio::spawn(async move {
        let put = proposals.put(LeaderId { term, node_id: 1 }, Command::batch(batch(n, "x", b"value")), &timing);
        matches!(put.await, Ok(Ok(Applied::Committed(_))))
    })
}

#[tokio::test]
async fn a_group_that_is_not_committed_holds_up_the_next_for_a_moment_alone() {
    let timing = Timing { heartbeat: SECOND / 20, election_min: 3 * SECOND, election_max: 6 * SECOND };
    let nodes = Nodes::three(timing, |_| {}).await;
    let proposals = proposals(&nodes);
    assert!(put(&nodes, &proposals, 1).await.unwrap());
    nodes.net.isolate(1);
    let before = nodes.node(1).log.last().unwrap().index;
    let mut waiting = Vec::new();
    for n in 2..=4 {
        waiting.push(put(&nodes, &proposals, n));
        let appended = before + u64::from(n) - 1;
        until("it is in the log", || async { nodes.node(1).log.last().unwrap().index >= appended }).await;
    }
    nodes.net.heal();
    for write in waiting {
        assert!(write.await.unwrap());
    }
}

#[tokio::test]
async fn a_write_waits_for_a_lease_that_has_run_out_for_a_moment() {
    let timing = Timing { heartbeat: SECOND / 20, election_min: SECOND, election_max: 2 * SECOND };
    let nodes = Nodes::three(timing, |config| config.enable_elect = false).await;
    let proposals = proposals(&nodes);
    nodes.net.isolate(1);
    sleep(timing.election_max + SECOND / 2).await;
    let before = nodes.node(1).log.last();
    let write = put(&nodes, &proposals, 1);
    sleep(SECOND / 5).await;
    assert_eq!(nodes.node(1).log.last(), before, "without a lease nothing is appended");
    assert!(!write.is_finished(), "and nobody is told so yet");
    nodes.net.heal();
    assert!(write.await.unwrap());
}

#[tokio::test]
async fn a_leader_that_nobody_answers_says_so() {
    let timing = Timing { heartbeat: SECOND / 20, election_min: SECOND / 5, election_max: 2 * SECOND / 5 };
    let nodes = Nodes::three(timing, |config| config.enable_elect = false).await;
    let proposals = proposals(&nodes);
    nodes.net.isolate(1);
    sleep(2 * timing.election_max).await;
    let write = tokio::time::timeout(10 * SECOND, put(&nodes, &proposals, 1));
    assert!(!write.await.expect("there is an answer").unwrap());
}
