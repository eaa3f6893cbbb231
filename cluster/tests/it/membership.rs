//! Members that leave, lose their vote, or move.

use std::sync::Arc;
use std::time::Duration;

use cluster::{AutopilotConfig, ChangeError, MemberChange, MemberStatus, Node, OpenError, Role};
use tokio::time::Instant;

use crate::harness::*;

async fn change(cluster: &Cluster, id: u64, change: MemberChange) -> Result<(), ChangeError> {
    let by = soon();
    loop {
        match cluster.leader().await.change_member(id, change, by).await {
            Err(ChangeError::NotLeader) if Instant::now() < by => {}
            changed => return changed,
        }
    }
}

fn status(node: &Node, id: u64) -> Option<MemberStatus> {
    node.members().into_iter().find(|member| member.id == id)
}

fn votes(node: &Node, id: u64) -> bool {
    status(node, id).is_some_and(|member| member.voter)
}

/// Why it does not start.
async fn refusal(seat: &Seat) -> OpenError {
    Node::open(seat.options(), Arc::new(Writer::default())).await.err().expect("it does not start")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_removed_knows_it_and_starts_no_more() {
    let mut cluster = Cluster::of(3).await;
    let gone = cluster.follower().await;
    let at = cluster.seat_of(&gone);
    change(&cluster, gone.id(), MemberChange::Remove).await.unwrap();
    until("it is told", || *gone.removed().borrow()).await;
    assert!(!gone.leadership().borrow().leads());
    assert_eq!(change(&cluster, gone.id(), MemberChange::Remove).await, Err(ChangeError::NoMember));
    drop(gone);
    cluster.seats[at].stop().await;
    let error = refusal(&cluster.seats[at]).await;
    assert!(matches!(error, OpenError::Removed(_)), "{error}");

    let leader = cluster.leader().await;
    assert_eq!(leader.members().len(), 2);
    cluster.write("after", "1").await;
    cluster.settle().await;
}

/// Of four, one is dead: without one more the rest decides, without two it does not.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_votes_that_cannot_both_be_spared_one_stays() {
    let mut cluster = Cluster::of(4).await;
    let leader = cluster.leader().await;
    let others: Vec<u64> = cluster.up().map(|node| node.id()).filter(|id| *id != leader.id()).collect();
    let dead = cluster.seats.iter().position(|seat| seat.node().id() == others[0]).unwrap();
    cluster.seats[dead].crash();
    let remove = |id| leader.change_member(id, MemberChange::Remove, soon());
    let (one, other) = tokio::join!(remove(others[1]), remove(others[2]));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    cluster.write("after", "1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_removed_hands_over_first() {
    let cluster = Cluster::of(3).await;
    let old = cluster.leader().await;
    change(&cluster, old.id(), MemberChange::Remove).await.unwrap();
    until("it is told", || *old.removed().borrow()).await;
    let new = cluster.leader().await;
    assert_ne!(new.id(), old.id());
    assert!(status(&new, old.id()).is_none());
    assert_eq!(new.members().iter().filter(|member| member.voter).count(), 2);
    cluster.write("after", "1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loses_its_vote_stays_without_until_it_is_given_back() {
    let mut cluster = Cluster::of(3).await;
    let demoted = cluster.follower().await;
    let id = demoted.id();
    change(&cluster, id, MemberChange::Demote).await.unwrap();
    cluster.write("before", "1").await;
    cluster.settle().await;
    assert!(cluster.up().all(|node| status(node, id).is_some_and(|member| !member.voter && member.member.non_voter)));

    // Another leader, and a restart, change nothing about it.
    let old = cluster.leader().await;
    old.step_down(soon()).await.unwrap();
    let at = cluster.seat_of(&demoted);
    drop((demoted, old));
    cluster.seats[at].stop().await;
    let demoted = cluster.seats[at].start().await;
    demoted.set_sealed(false);
    cluster.write("after", "2").await;
    until("it follows on", || read(&demoted, "after").is_some()).await;
    assert!(!votes(&*cluster.leader().await, id));

    change(&cluster, id, MemberChange::Promote).await.unwrap();
    let leader = cluster.leader().await;
    until("it votes again", || votes(&leader, id)).await;
}

/// The leader goes on to speak to it, and can do nothing.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_vote_knows_when_nobody_leads() {
    let mut cluster = Cluster::of(4).await;
    let standby = cluster.follower().await;
    change(&cluster, standby.id(), MemberChange::Demote).await.unwrap();
    let leader = cluster.leader().await;
    until("it follows", || matches!(standby.leadership().borrow().role, Role::Follower { .. })).await;
    let (a, b) = (cluster.seat_of(&leader), cluster.seat_of(&standby));
    for at in (0..4).filter(|at| *at != a && *at != b) {
        cluster.seats[at].crash();
    }
    until("the leader knows", || leader.leadership().borrow().role == Role::Unknown).await;
    until("the standby knows", || standby.leadership().borrow().role == Role::Unknown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_loses_its_vote_hands_over_first() {
    let cluster = Cluster::of(3).await;
    let old = cluster.leader().await;
    change(&cluster, old.id(), MemberChange::Demote).await.unwrap();
    let new = cluster.leader().await;
    assert_ne!(new.id(), old.id());
    assert!(!votes(&new, old.id()));
    cluster.write("after", "1").await;
    cluster.settle().await;
    assert!(!*old.removed().borrow());
}

/// Those that removed it have been restarted since: they know it from their disks.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_removed_while_it_was_down_learns_it() {
    let mut cluster = Cluster::of(3).await;
    let gone = cluster.follower().await;
    let (id, at) = (gone.id(), cluster.seat_of(&gone));
    drop(gone);
    cluster.seats[at].stop().await;
    change(&cluster, id, MemberChange::Remove).await.unwrap();
    cluster.write("after", "1").await;
    cluster.settle().await;
    for other in (0..3).filter(|other| *other != at) {
        cluster.seats[other].stop().await;
        cluster.seats[other].start().await.set_sealed(false);
    }
    cluster.write("again", "2").await;

    let back = cluster.seats[at].start().await;
    until("it is told", || *back.removed().borrow()).await;
    drop(back);
    cluster.seats[at].stop().await;
    let error = refusal(&cluster.seats[at]).await;
    assert!(matches!(error, OpenError::Removed(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vote_that_is_needed_is_not_taken() {
    let mut cluster = Cluster::of(3).await;
    let leader = cluster.leader().await;
    let (a, b) = ((cluster.seat_of(&leader) + 1) % 3, (cluster.seat_of(&leader) + 2) % 3);
    let (alive, dead) = (cluster.seats[a].node().id(), cluster.seats[b].node().id());
    cluster.seats[b].crash();
    let name = cluster.seats[a].name.clone();
    let refused = ChangeError::NoQuorum { name, left: 2, answering: 1 };
    for wish in [MemberChange::Remove, MemberChange::Demote] {
        assert_eq!(change(&cluster, alive, wish).await, Err(refused.clone()));
    }
    // The one that does not answer is not needed.
    change(&cluster, dead, MemberChange::Remove).await.unwrap();
    change(&cluster, alive, MemberChange::Remove).await.unwrap();
    let last = ChangeError::LastVoter(cluster.seats[cluster.seat_of(&leader)].name.clone());
    assert_eq!(change(&cluster, leader.id(), MemberChange::Remove).await, Err(last.clone()));
    assert_eq!(change(&cluster, leader.id(), MemberChange::Demote).await, Err(last));
    cluster.write("after", "1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_comes_back_elsewhere_is_found() {
    let mut cluster = Cluster::of(3).await;
    let moving = cluster.follower().await;
    let (id, at) = (moving.id(), cluster.seat_of(&moving));
    drop(moving);
    cluster.seats[at].stop().await;
    cluster.write("meanwhile", "1").await;
    cluster.seats[at].port = free_port();
    let address = format!("127.0.0.1:{}", cluster.seats[at].port);
    let back = cluster.seats[at].start().await;
    back.set_sealed(false);
    until("it has caught up", || read(&back, "meanwhile").is_some()).await;
    until("all know where it is", || {
        cluster.up().all(|node| status(node, id).is_some_and(|member| member.member.address == address))
    })
    .await;
    assert!(votes(&back, id));
}

/// The one that has not moved hears from both where they are, so they find each other.
#[tokio::test(flavor = "multi_thread")]
async fn a_majority_that_comes_back_elsewhere_is_found() {
    let mut cluster = Cluster::of(3).await;
    cluster.write("before", "1").await;
    cluster.settle().await;
    for seat in &mut cluster.seats {
        seat.stop().await;
    }
    for at in [1, 2] {
        cluster.seats[at].port = free_port();
    }
    for seat in &mut cluster.seats {
        seat.start().await.set_sealed(false);
    }
    cluster.write("after", "2").await;
    cluster.settle().await;
    let addresses: Vec<String> = cluster.seats.iter().map(|seat| format!("127.0.0.1:{}", seat.port)).collect();
    until("all know where all are", || {
        cluster.up().all(|node| node.members().iter().all(|member| addresses.contains(&member.member.address)))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_member_votes_once_it_is_steady() {
    let mut cluster = Cluster::of(3).await;
    let patient = AutopilotConfig { server_stabilization_time: Duration::from_secs(3600), ..AT_ONCE };
    cluster.up().for_each(|node| node.configure_autopilot(patient));
    cluster.seats.push(Seat::new("d"));
    let joiner = cluster.seats[3].start().await;
    let leader = cluster.leader().await;
    let members = leader.admit(joiner.joining(), soon()).await.unwrap();
    joiner.enter(members, soon()).await.unwrap();
    cluster.write("after", "1").await;
    until("it has all", || read(&joiner, "after").is_some()).await;
    let healthy = || leader.autopilot().and_then(|state| state.server(joiner.id()).map(|server| server.healthy));
    until("it is healthy", || healthy() == Some(true)).await;
    assert!(!votes(&leader, joiner.id()));
    cluster.up().for_each(|node| node.configure_autopilot(AT_ONCE));
    until("it votes", || votes(&leader, joiner.id())).await;
    assert_eq!(joiner.autopilot(), None, "only a leader can tell");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_are_gone_are_taken_out_down_to_three() {
    let mut cluster = Cluster::of(5).await;
    let leader = cluster.leader().await;
    let tidy = AutopilotConfig {
        cleanup_dead_servers: true,
        last_contact_threshold: Duration::from_millis(500),
        dead_server_last_contact_threshold: Duration::from_secs(1),
        ..AT_ONCE
    };
    let lost: Vec<usize> = (0..5).filter(|at| *at != cluster.seat_of(&leader)).take(2).collect();
    for at in &lost {
        cluster.seats[*at].crash();
    }
    cluster.write("meanwhile", "1").await;
    assert_eq!(leader.members().len(), 5, "nobody has said that they are to be taken out");
    cluster.up().for_each(|node| node.configure_autopilot(tidy));
    until("they are taken out", || leader.members().len() == 3).await;
    assert!(leader.members().iter().all(|member| member.voter));
    let healthy = || leader.autopilot().is_some_and(|state| state.is_healthy() && state.failure_tolerance() == 1);
    until("the cluster is healthy", healthy).await;
    let back = cluster.seats[lost[0]].start().await;
    until("it is told", || *back.removed().borrow()).await;
}
