//! A leader reads under its lease because a quorum has promised to elect nobody meanwhile; a voter that restarts must
//! not forget that promise.

use std::time::Duration;

use openraft::rt::WatchReceiver;
use openraft::{LinearizerOption, ReadPolicy};
use tokio::time::{Instant, sleep};

use super::nodes::{Nodes, write};
use crate::consensus::Timing;
use crate::lease::{Applied, Lease};

/// What a leader that was cut off says while somebody else has committed.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// The other was elected and committed while the old leader still passed its lease.
    StaleRead,
    /// By the time the other had committed, the lease had run out.
    Safe,
}

/// Node 3 is cut off while node 1 leads and renews its lease through node 2. Node 2 restarts; then node 1 is cut off
/// instead, and node 3 campaigns until it has committed a write.
async fn restart_the_lease_s_witness(hold: bool) -> Seen {
    let second = Duration::from_secs(1);
    let timing = Timing { heartbeat: second / 20, election_min: second, election_max: 2 * second };
    let mut nodes = Nodes::three(timing, |_| {}).await;
    nodes.hold = hold;
    let index = nodes.put(1, 1, "x", b"old").await.unwrap().log_id.index;
    for id in 1..=3 {
        nodes.applied(id, index).await;
    }
    nodes.net.isolate(3);
    // Node 3 forgets that it heard the leader; the others do not.
    sleep(timing.election_max + second / 2).await;
    let before = nodes.node(1).raft.ensure_linearizable(ReadPolicy::LeaseRead).await;
    assert!(before.is_ok(), "node 1 holds its lease through node 2: {before:?}");

    nodes.stop(2, true).await;
    nodes.start(2).await;
    nodes.net.heal();
    nodes.net.isolate(1);

    let (old, new) = (nodes.node(1).raft.clone(), nodes.node(3).raft.clone());
    let deadline = Instant::now() + 10 * second;
    loop {
        assert!(Instant::now() < deadline, "node 3 is never elected");
        if !new.is_leader() {
            new.trigger().elect(false).await.unwrap();
            sleep(Duration::from_millis(50)).await;
            continue;
        }
        if tokio::time::timeout(second, write(&new, 2, "x", b"new")).await.is_ok_and(|answer| answer.is_some()) {
            break;
        }
    }
    let margin = LinearizerOption::new(Some(timing.election_max * 3 / 4), false).with_wait_timeout(Duration::ZERO);
    let asked = old.ensure_linearizable(margin).await.is_ok();
    let reader = &nodes.node(1).reader;
    let state = Applied { to: reader.position().borrow().applied, begun: reader.begun() };
    let unasked = Lease::default().index(&old.metrics().borrow_watched(), &state, Lease::length(&timing));
    let with_margin = asked || unasked.is_some();
    match old.ensure_linearizable(ReadPolicy::LeaseRead).await {
        Ok(_) => {
            assert_eq!(nodes.get(1, "x").unwrap(), b"old");
            Seen::StaleRead
        }
        Err(_) => {
            assert!(!with_margin, "a shorter lease cannot outlast the longer one");
            Seen::Safe
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_voter_keeps_the_old_leader_s_lease_safe() {
    assert_eq!(restart_the_lease_s_witness(true).await, Seen::Safe);
}

/// The same without the hold: if this fails, the hold has lost its reason, or the test its teeth.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_hold_an_old_leader_reads_stale() {
    assert_eq!(restart_the_lease_s_witness(false).await, Seen::StaleRead);
}
