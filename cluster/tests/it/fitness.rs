//! Nodes that cannot do their work leave leading to others; one whose disk is full takes no more.

use cluster::{Fitness, Node, Room};
use storage::{CommitError, Term};

use crate::harness::*;

fn unfit() -> Fitness {
    Fitness { unfit: Some("a test says so".into()), room: Room::Enough }
}

fn with(room: Room) -> Fitness {
    Fitness { unfit: Some("a test says so".into()), room }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfit_leader_hands_over_and_does_not_come_back_while_others_can_lead() {
    let cluster = Cluster::of(3).await;
    let leader = cluster.leader().await;
    leader.set_fitness(unfit());
    until("another leads", || !leader.leadership().borrow().leads()).await;
    let next = cluster.leader().await;
    assert_ne!(next.id(), leader.id());
    next.set_fitness(unfit());
    until("the third leads", || !next.leadership().borrow().leads()).await;
    let third = cluster.leader().await;
    assert!(third.id() != leader.id() && third.id() != next.id());
    third.set_fitness(unfit());
    cluster.write("all are unfit", "and one leads all the same").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_with_a_full_disk_is_done_without_and_catches_up() {
    let cluster = Cluster::of(3).await;
    let follower = cluster.follower().await;
    cluster.settle().await;
    follower.set_fitness(with(Room::None));
    cluster.write("without it", "1").await;
    let end = cluster.leader().await.progress().1;
    assert!(follower.progress().1 < end, "it has not taken the write");
    assert_eq!(read(&follower, "without it"), None);
    follower.set_fitness(Fitness::default());
    cluster.settle().await;
    assert_eq!(read(&follower, "without it").as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_answer_has_no_room_to_count_on() {
    let mut cluster = Cluster::of(3).await;
    cluster.settle().await;
    let leader = cluster.leader().await;
    let others: Vec<_> = cluster.up().map(|node| node.id()).filter(|id| *id != leader.id()).collect();
    let dead = cluster.seats.iter().position(|seat| seat.node().id() == others[0]).unwrap();
    cluster.seats[dead].crash();
    cluster.write("one is dead", "1").await;
    cluster.up().find(|node| node.id() == others[1]).unwrap().set_fitness(with(Room::Little));
    assert!(refusal(&leader).await.contains("nearly full"));
}

/// Why the leader takes no more, once it knows.
async fn refusal(leader: &Node) -> String {
    let (term, by) = (Term(leader.leadership().borrow().term), soon());
    loop {
        match leader.store().commit(term, put("x", "1")).await {
            Err(CommitError::Unavailable(why)) => return why,
            // The reports are still on their way.
            Ok(_) => assert!(tokio::time::Instant::now() < by),
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_too_few_disks_have_room_writes_are_refused_at_once_and_reads_go_on() {
    let mut cluster = Cluster::of(3).await;
    cluster.settle().await;
    let leader = cluster.leader().await;
    for node in cluster.up().filter(|node| node.id() != leader.id()) {
        node.set_fitness(with(Room::Little));
    }
    let refused = refusal(&leader).await;
    assert!(refused.contains("nearly full"), "{refused}");
    leader.read_point(soon()).await.unwrap();
    assert_eq!(read(&leader, "first").as_deref(), Some("1"));

    // There is room for the entry that a leader begins with, so another one can come.
    let gone = cluster.seat_of(&leader);
    drop(leader);
    cluster.seats[gone].crash();
    cluster.leader().await.read_point(soon()).await.unwrap();
    for node in cluster.up() {
        node.set_fitness(Fitness::default());
    }
    cluster.write("y", "2").await;
    cluster.settle().await;
}
