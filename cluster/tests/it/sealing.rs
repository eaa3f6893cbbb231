//! Sealed nodes vote and count, but lead only when nobody else can.

use crate::harness::*;

/// A is dead, B is behind, C is sealed but complete: only C can win, and it hands over to B once B has everything.
#[tokio::test(flavor = "multi_thread")]
async fn the_sealed_node_that_alone_is_complete_wins_and_hands_over() {
    let mut cluster = Cluster::of(3).await;
    let leader = cluster.leader().await;
    let a = cluster.seat_of(&leader);
    let (b, c) = ((a + 1) % 3, (a + 2) % 3);
    cluster.settle().await;
    drop(leader);
    cluster.seats[c].node().set_sealed(true);
    cluster.seats[b].crash();
    cluster.write("only", "a and c have it").await;
    cluster.seats[a].crash();

    let behind = cluster.seats[b].start().await;
    behind.set_sealed(false);
    let sealed = cluster.seats[c].node().clone();
    let mut watched = sealed.leadership();
    let led = tokio::spawn(async move { watched.wait_for(|now| now.leads()).await.is_ok() });
    until("the unsealed node leads", || behind.leadership().borrow().is_ready()).await;
    assert!(led.await.unwrap(), "the sealed node led in between");
    assert_eq!(read(&behind, "only").as_deref(), Some("a and c have it"));
}

#[tokio::test(flavor = "multi_thread")]
async fn leadership_never_goes_to_a_sealed_node_by_choice() {
    let cluster = Cluster::of(3).await;
    let leader = cluster.leader().await;
    for node in cluster.up().filter(|node| node.id() != leader.id()) {
        node.set_sealed(true);
    }
    let sealed = || leader.members().iter().filter(|m| m.sealed == Some(true)).count() == 2;
    until("the leader knows who is sealed", sealed).await;
    assert_eq!(leader.transfer(in_ms(1000)).await, Err(cluster::TransferError::NoTarget));
    assert!(leader.leadership().borrow().leads());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_sealed_hands_over() {
    let cluster = Cluster::of(3).await;
    let leader = cluster.leader().await;
    leader.set_sealed(true);
    until("another leads", || !leader.leadership().borrow().leads()).await;
    assert_ne!(cluster.leader().await.id(), leader.id());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_sealed_as_a_whole_serves_when_one_node_is_unsealed() {
    let mut cluster = Cluster::of(3).await;
    for seat in &mut cluster.seats {
        seat.crash();
    }
    for seat in &mut cluster.seats {
        seat.start().await;
    }
    let one = cluster.seats[1].node().clone();
    one.set_sealed(false);
    until("the unsealed node leads", || one.leadership().borrow().is_ready()).await;
    cluster.write("after", "1").await;
}
