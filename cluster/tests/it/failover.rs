//! Leaders that go, are lost, and come back.

use cluster::TransferError;

use crate::harness::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_leader_is_replaced_and_catches_up() {
    let mut cluster = Cluster::of(3).await;
    cluster.write("before", "1").await;
    let old = cluster.leader().await;
    let (at, old_id) = (cluster.seat_of(&old), old.id());
    drop(old);
    let since = std::time::Instant::now();
    cluster.seats[at].crash();
    cluster.write("meanwhile", "2").await;
    eprintln!("writes again after {:?}", since.elapsed());
    let new = cluster.leader().await;
    assert_ne!(new.id(), old_id);
    assert_eq!(read(&new, "before").as_deref(), Some("1"));

    let back = cluster.seats[at].start().await;
    back.set_sealed(false);
    cluster.settle().await;
    assert_eq!(read(&back, "meanwhile").as_deref(), Some("2"));
    assert_eq!(cluster.leader().await.id(), new.id(), "a node that comes back disturbs nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_stop_hands_leadership_over() {
    let mut cluster = Cluster::of(3).await;
    cluster.settle().await;
    let at = cluster.seat_of(&*cluster.leader().await);
    let since = std::time::Instant::now();
    cluster.seats[at].stop().await;
    cluster.write("after", "1").await;
    eprintln!("stopped and writes again after {:?}", since.elapsed());
    cluster.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_steps_down_and_stays_down() {
    let cluster = Cluster::of(3).await;
    let old = cluster.leader().await;
    let other = cluster.follower().await;
    assert_eq!(other.transfer(soon()).await, Err(TransferError::NotLeader));
    old.step_down(soon()).await.unwrap();
    let new = cluster.leader().await;
    assert_ne!(new.id(), old.id());
    // The next one hands over too, and not to the first, which abstains.
    new.step_down(soon()).await.unwrap();
    cluster.write("after", "1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_leader_has_nobody_to_hand_over_to() {
    let cluster = Cluster::of(1).await;
    let alone = cluster.leader().await;
    assert_eq!(alone.step_down(soon()).await, Err(TransferError::NoTarget));
    cluster.write("still", "writes").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_nodes_come_back_from_a_power_cut() {
    let mut cluster = Cluster::of(3).await;
    for n in 0..20 {
        cluster.write(&format!("key-{n}"), "kept").await;
    }
    for seat in &mut cluster.seats {
        seat.crash();
    }
    for seat in &mut cluster.seats {
        seat.start().await.set_sealed(false);
    }
    cluster.write("after", "1").await;
    cluster.settle().await;
    for node in cluster.up() {
        assert!((0..20).all(|n| read(node, &format!("key-{n}")).as_deref() == Some("kept")));
    }
}

/// A node that was away when its present leader came in has that leader's key from no log entry of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_away_learns_who_has_come_in_since() {
    let mut cluster = Cluster::of(3).await;
    let leader = cluster.leader().await;
    let away = (0..3).find(|at| *at != cluster.seat_of(&leader)).unwrap();
    drop(leader);
    cluster.settle().await;
    cluster.seats[away].stop().await;
    cluster.seats.push(Seat::new("d"));
    let newcomer = cluster.seats[3].start().await;
    newcomer.set_sealed(false);
    cluster.join(3).await;
    // The others are sealed, so leadership goes to the newcomer.
    cluster.up().filter(|node| node.id() != newcomer.id()).for_each(|node| node.set_sealed(true));
    until("the newcomer leads", || newcomer.leadership().borrow().is_ready()).await;
    cluster.write("by", "the newcomer").await;
    let back = cluster.seats[away].start().await;
    until("it has caught up", || read(&back, "by").is_some()).await;
}

/// The change asks for majorities of the old and the new voters until it is finished, so nobody may forget it.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_voters_is_finished_by_the_next_leader() {
    let mut cluster = Cluster::of(3).await;
    for name in ["d", "e"] {
        cluster.seats.push(Seat::new(name));
        let at = cluster.seats.len() - 1;
        cluster.seats[at].start().await.set_sealed(false);
        let leader = cluster.leader().await;
        let members = leader.admit(cluster.seats[at].node().joining(), soon()).await.unwrap();
        cluster.seats[at].node().enter(members, soon()).await.unwrap();
        // The leader goes while the newcomer is on its way to vote.
        let old = cluster.seat_of(&leader);
        drop(leader);
        cluster.seats[old].crash();
        let newcomer = cluster.seats[at].node().id();
        let leader = cluster.leader().await;
        until("the newcomer votes", || leader.members().iter().any(|m| m.id == newcomer && m.voter)).await;
        cluster.seats[old].start().await.set_sealed(false);
        cluster.write(name, "joined").await;
    }
    cluster.settle().await;
}
