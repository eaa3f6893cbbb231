//! A leader that loses its unsynced tail must not lead again in the same term.
//!
//! Followers may have committed what the leader's own disk never had. If it came back as the leader of the same term, it
//! would give the ids of those entries to other ones, which the followers would take for what they hold.

use std::time::Duration;

use openraft::Config;

use super::nodes::{Nodes, until, write};
use crate::consensus::Timing;

/// Node 1 leads, writes with its disk stalled, loses power and comes back before anybody campaigns. Returns what each
/// node then holds under the two names, all having applied the second write.
async fn lose_the_leader_s_tail(adjust: fn(&mut Config)) -> (Nodes, [Vec<Option<Vec<u8>>>; 3]) {
    // Long enough that no election comes by itself.
    let second = Duration::from_secs(1);
    let timing = Timing { heartbeat: second / 10, election_min: 3 * second, election_max: 4 * second };
    let mut nodes = Nodes::three(timing, adjust).await;
    nodes.hold = false;
    let first = nodes.put(1, 1, "base", b"base").await.unwrap().log_id.index;
    for id in 1..=3 {
        nodes.applied(id, first).await;
    }

    nodes.node(1).faults.stall();
    let raft = nodes.node(1).raft.clone();
    let unsynced = tokio::spawn(async move { write(&raft, 2, "a", b"A").await.is_some() });
    nodes.applied(2, first + 1).await;
    nodes.applied(3, first + 1).await;
    assert_eq!(nodes.get(1, "a"), None, "the leader waits for its own disk");
    nodes.stop(1, false).await;
    assert!(!unsynced.await.unwrap());

    nodes.start(1).await;
    assert_eq!(nodes.node(1).log.last().unwrap().index, first, "its tail is lost");
    // A leader that restores itself does so at once; nobody else campaigns before it had its chance.
    tokio::time::sleep(second / 2).await;
    until("there is a leader", || async {
        let leads = (1..=3).any(|id| nodes.node(id).raft.is_leader());
        if !leads {
            nodes.node(2).raft.trigger().elect(false).await.unwrap();
            tokio::time::sleep(second / 4).await;
        }
        leads
    })
    .await;
    until("a write succeeds", || async {
        for id in 1..=3 {
            let raft = nodes.node(id).raft.clone();
            if raft.is_leader() {
                let written = tokio::time::timeout(second, write(&raft, 3, "b", b"B")).await;
                return written.is_ok_and(|answer| answer.is_some());
            }
        }
        false
    })
    .await;
    let index = (1..=3).map(|id| nodes.node(id).reader.applied()).max().unwrap();
    for id in 1..=3 {
        nodes.applied(id, index).await;
    }
    let held = [1, 2, 3].map(|id| vec![nodes.get(id, "a"), nodes.get(id, "b")]);
    (nodes, held)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_lost_its_tail_does_not_give_its_log_ids_away_again() {
    let (nodes, held) = lose_the_leader_s_tail(|_| {}).await;
    for node in &held {
        assert_eq!(node, &[Some(b"A".to_vec()), Some(b"B".to_vec())]);
    }
    let [one, two, three] = [1, 2, 3].map(|id| nodes.position(id));
    assert_eq!(one, two);
    assert_eq!(two, three);
}

/// The same with the library's default setting: if this fails, the setting has lost its reason, or the test its teeth.
#[tokio::test(flavor = "multi_thread")]
async fn with_leader_restore_the_nodes_diverge() {
    let (nodes, held) = lose_the_leader_s_tail(|config| config.enable_leader_restore = Some(true)).await;
    assert_eq!(held[0], [None, Some(b"B".to_vec())]);
    assert_eq!(held[1], [Some(b"A".to_vec()), None]);
    assert_eq!(held[2], held[1]);
    let (one, two) = (nodes.position(1), nodes.position(2));
    assert_eq!((one.applied, one.revision), (two.applied, two.revision), "the same entry, as far as ids tell");
    assert_ne!(one.fingerprint, two.fingerprint, "the fingerprint tells");
}
