//! Loading the replicated keys anew, on three nodes: all of it or nothing, on every node.

use std::time::Duration;

use cluster::{LoadError, Loaded, Node};
use storage::{Batch, CommitError, Millis, RawKey, Revision, Stored, Term, Value};
use tokio::time::sleep;

use crate::harness::{Cluster, Seat, id, key, put, read, soon};

fn records(names: &[&str]) -> Vec<(RawKey, Stored)> {
    let value = |name: &str| Value::Bytes(format!("loaded {name}").into_bytes().into());
    names.iter().map(|name| (key(name), Stored { revision: Revision::default().next(), value: value(name) })).collect()
}

fn from(node: &Node) -> Loaded {
    let (revision, fingerprint) = node.fingerprint();
    Loaded { revision, fingerprint, ..Loaded::default() }
}

fn is_switched(node: &Node) -> bool {
    read(node, "x").is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_replaces_everything_on_all_nodes_at_once() {
    let cluster = Cluster::of(3).await;
    cluster.write("kept", "no").await;
    let leader = cluster.leader().await;
    let before = leader.epoch().borrow().number;
    let stale = {
        let mut batch = Batch::new(id(), Millis(1));
        batch.epoch = Some(leader.fingerprint().0.epoch);
        batch.puts.push((key("stale"), "x".into()));
        batch
    };

    let mut load = leader.load().await.unwrap();
    assert!(matches!(leader.load().await, Err(LoadError::Busy)));
    assert!(matches!(cluster.follower().await.load().await, Err(LoadError::NotLeader)));
    load.add(records(&["x", "y"])).await.unwrap();
    cluster.write("between", "lost").await;
    load.add(records(&["z"])).await.unwrap();
    assert_eq!(read(&leader, "x"), None);
    let revision = load.switch(from(&leader)).await.unwrap();
    assert_eq!(revision.epoch.number, before + 1);

    let term = Term(leader.leadership().borrow().term);
    let refused = leader.store().commit(term, stale).await;
    assert!(matches!(refused, Err(CommitError::Conflict { .. })), "{refused:?}");
    cluster.write("after", "yes").await;
    cluster.settle().await;
    for node in cluster.up() {
        assert_eq!(read(node, "z").as_deref(), Some("loaded z"));
        assert_eq!(read(node, "after").as_deref(), Some("yes"));
        assert_eq!((read(node, "kept"), read(node, "between")), (None, None));
        assert_eq!(node.epoch().borrow().number, before + 1);
    }
    assert_eq!(leader.members().len(), 3, "members are not part of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_is_given_up_leaves_nothing_and_the_next_one_goes_through() {
    let cluster = Cluster::of(1).await;
    let leader = cluster.leader().await;
    let mut load = leader.load().await.unwrap();
    load.add(records(&["left"])).await.unwrap();
    drop(load);
    let mut load = loop {
        match leader.load().await {
            Ok(load) => break load,
            Err(LoadError::Busy) => sleep(Duration::from_millis(5)).await,
            Err(error) => panic!("{error}"),
        }
    };
    load.add(records(&["x"])).await.unwrap();
    load.switch(from(&leader)).await.unwrap();
    assert_eq!((read(&leader, "x").is_some(), read(&leader, "left")), (true, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_is_lost_before_the_switch() {
    let mut cluster = Cluster::of(3).await;
    let leader = cluster.leader().await;
    let mut load = leader.load().await.unwrap();
    load.add(records(&["x"])).await.unwrap();
    let seat = cluster.seat_of(&leader);
    cluster.seats[seat].crash();
    drop(leader);
    // It still holds the node alive, which by now does not lead.
    let next = cluster.leader().await;
    cluster.write("after", "yes").await;
    let given_up = load.switch(Loaded { revision: next.fingerprint().0, ..Loaded::default() }).await;
    assert!(given_up.is_err(), "{given_up:?}");
    cluster.seats[seat].start().await.set_sealed(false);
    cluster.settle().await;
    for node in cluster.up() {
        assert!(!is_switched(node));
        assert_eq!(read(node, "after").as_deref(), Some("yes"));
    }
    let next = cluster.leader().await;
    let mut load = next.load().await.unwrap();
    load.add(records(&["x"])).await.unwrap();
    load.switch(from(&next)).await.unwrap();
    cluster.settle().await;
    assert!(cluster.up().all(|node| is_switched(node)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_can_be_founded_by_a_load_and_others_join_it() {
    let mut cluster = Cluster { seats: ["a", "b"].map(Seat::new).into() };
    let first = cluster.seats[0].start().await;
    first.found_empty().await.unwrap();
    drop(first.load().await.unwrap());
    first.found_empty().await.unwrap();
    let revision = Revision { n: 17, ..Revision::default() };
    let mut load = first.load().await.unwrap();
    load.add(records(&["x"])).await.unwrap();
    load.switch(Loaded { revision, ..Loaded::default() }).await.unwrap();
    assert!(first.found(put("first", "1")).await.is_err(), "it is founded");
    first.set_sealed(false);
    cluster.seats[1].start().await.set_sealed(false);
    cluster.join(1).await;
    cluster.settle().await;
    assert!(cluster.up().all(|node| is_switched(node)));
    assert!(cluster.leader().await.read_point(soon()).await.is_ok());
}
