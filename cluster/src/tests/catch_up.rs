//! How nodes catch up: from the log after a restart, from a snapshot when the log is gone.

use std::sync::Arc;
use std::time::Duration;

use super::nodes::{Nodes, ids, key, member, until};
use crate::consensus::Timing;
use crate::snapshot::retention::{self, Limits};

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_log_was_purged_gets_a_snapshot_and_then_follows() {
    let mut nodes = Nodes::three(Timing::default(), |_| {}).await;
    for n in 0..50 {
        nodes.put(1, n, "k", b"value").await.unwrap();
    }
    let index = nodes.node(1).reader.applied();
    let leader = nodes.node(1).raft.clone();
    leader.trigger().snapshot().await.unwrap();
    until("a snapshot is made", || async { nodes.snapshot_index(1) >= Some(index) }).await;
    leader.trigger().purge_log(index).await.unwrap();
    until("the log is purged", || async { nodes.node(1).log.purged().is_some_and(|id| id.index >= index) }).await;

    nodes.start(4).await;
    let before = nodes.node(4).reader.snapshot().unwrap();
    leader.add_learner(4, member(4), true).await.unwrap();
    nodes.applied(4, index).await;
    let changes = nodes.node(4).reader.snapshot().unwrap().changes_since(before.revision());
    assert_eq!(changes, None, "a snapshot may have changed anything");
    assert_eq!(before.get(&key("k")).unwrap(), None, "a reader keeps the state that it began with");
    drop(before);
    assert_eq!(nodes.get(4, "k").unwrap(), b"value");
    assert!(nodes.snapshot_index(4) >= Some(index), "it can pass the snapshot on");

    leader.change_membership(ids(1..=4), false).await.unwrap();
    let last = nodes.put(1, 100, "k", b"later").await.unwrap().log_id.index;
    nodes.applied(4, last).await;
    assert_eq!(nodes.position(4), nodes.position(1));

    // It comes back with the state that was installed, and goes on from there.
    nodes.stop(4, false).await;
    nodes.start(4).await;
    assert_eq!(nodes.position(4).fingerprint, nodes.position(1).fingerprint);
    let last = nodes.put(1, 101, "k", b"last").await.unwrap().log_id.index;
    nodes.applied(4, last).await;
    assert_eq!(nodes.get(4, "k").unwrap(), b"last");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_all_lose_power() {
    let mut nodes = Nodes::three(Timing::default(), |_| {}).await;
    nodes.hold = false;
    for round in 0..4 {
        let last = nodes.put(1, round, "k", b"value").await.unwrap().log_id.index;
        let before = nodes.position(1);
        for id in 1..=3 {
            nodes.stop(id, false).await;
        }
        for id in 1..=3 {
            nodes.start(id).await;
        }
        nodes.lead(1).await;
        for id in 1..=3 {
            nodes.applied(id, last + 1).await;
            assert_eq!(nodes.position(id).fingerprint, before.fingerprint, "round {round}, node {id}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_kept_within_its_limits_and_no_live_follower_is_left_behind() {
    let nodes = Nodes::three(Timing::default(), |_| {}).await;
    let limits = Limits { keep_bytes: 2_000, keep_time: Duration::MAX, most_bytes: 1 << 30, checkpoint_bytes: 1_000 };
    let leader = nodes.node(1);
    let every = Duration::from_millis(20);
    let live = Arc::new(|_| true);
    let keeper = tokio::spawn(retention::run(leader.raft.clone(), leader.log.clone(), limits, every, live));
    nodes.net.isolate(3);
    let behind = nodes.node(3).log.last().unwrap().index;
    for n in 0..100 {
        nodes.put(1, n, "k", b"some value").await.unwrap();
    }
    until("a snapshot is made", || async { nodes.snapshot_index(1) > Some(behind) }).await;
    tokio::time::sleep(10 * every).await;
    assert!(leader.log.purged().is_none_or(|id| id.index <= behind), "node 3 still needs the rest");

    nodes.net.heal();
    nodes.applied(3, leader.reader.applied()).await;
    let mut n = 100;
    while leader.log.purged().is_none_or(|id| id.index <= behind) {
        nodes.put(1, n, "k", b"some value").await.unwrap();
        n += 1;
        tokio::time::sleep(every).await;
        assert!(n < 250, "the log is never purged");
    }
    assert!(nodes.snapshot_index(1) >= leader.log.purged().map(|id| id.index));
    leader.raft.shutdown().await.unwrap();
    keeper.await.unwrap();
}
