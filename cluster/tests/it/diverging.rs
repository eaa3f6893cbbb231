//! A node whose state is not that of the others.

use std::sync::Arc;

use cluster::recovery::{self, Survivor};
use cluster::{MemberChange, Node, OpenError, Role};
use storage::Term;

use crate::harness::*;

fn stopped(node: &Node) -> Option<String> {
    node.diverged().borrow().as_deref().map(str::to_owned)
}

/// Why it does not start.
async fn refusal(seat: &Seat) -> OpenError {
    Node::open(seat.options(), Arc::new(Writer::default())).await.err().expect("it does not start")
}

/// One write that is something else at that seat.
async fn stray(cluster: &Cluster, at: usize) {
    cluster.seats[at].stray.next();
    cluster.write("bent", "value").await;
}

async fn is_out(cluster: &mut Cluster, at: usize) {
    let node = cluster.seats[at].node().clone();
    until("it stops", || stopped(&node).is_some()).await;
    until("it knows nobody who leads", || node.leadership().borrow().role == Role::Unknown).await;
    let refused = node.store().commit(Term(node.leadership().borrow().term), put("more", "1")).await;
    assert!(refused.is_err());
    assert!(node.read_point(in_ms(500)).await.is_err());
    let why = stopped(&node).unwrap();
    drop(node);
    cluster.seats[at].stop().await;

    let error = refusal(&cluster.seats[at]).await;
    assert!(matches!(error, OpenError::Diverged { .. }) && error.to_string().contains(&why), "{error}");
    let survey = recovery::survey(cluster.seats[at].folder.path()).unwrap();
    assert_eq!(survey.diverged, Some(why));
    assert!(survey.applied.is_some(), "its data is kept");
}

/// A node with an empty folder in its place.
async fn replaced(cluster: &mut Cluster, at: usize) {
    let name = cluster.seats[at].name.clone();
    let gone = cluster.leader().await.members().into_iter().find(|member| member.member.name == name).unwrap();
    cluster.leader().await.change_member(gone.id, MemberChange::Remove, soon()).await.unwrap();
    cluster.seats[at] = Seat::new(&name);
    cluster.seats[at].start().await.set_sealed(false);
    cluster.join(at).await;
}

async fn others_go_on(cluster: &Cluster) {
    cluster.write("after", "1").await;
    cluster.settle().await;
    for node in cluster.up() {
        assert_eq!(stopped(node), None);
        assert_eq!(read(node, "bent").as_deref(), Some("value"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_differs_stops_and_the_others_go_on() {
    let mut cluster = Cluster::of(3).await;
    let at = cluster.seat_of(&*cluster.follower().await);
    stray(&cluster, at).await;
    is_out(&mut cluster, at).await;
    others_go_on(&cluster).await;
    replaced(&mut cluster, at).await;
    others_go_on(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_differs_stops_and_another_leads() {
    let mut cluster = Cluster::of(3).await;
    let at = cluster.seat_of(&*cluster.leader().await);
    stray(&cluster, at).await;
    is_out(&mut cluster, at).await;
    others_go_on(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_without_a_vote_that_differs_stops() {
    let mut cluster = Cluster::of(4).await;
    let node = cluster.follower().await;
    let at = cluster.seat_of(&node);
    cluster.leader().await.change_member(node.id(), MemberChange::Demote, soon()).await.unwrap();
    drop(node);
    stray(&cluster, at).await;
    is_out(&mut cluster, at).await;
    others_go_on(&cluster).await;
}

/// Nobody can tell which of two is right, until the operator says so.
#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_majority_all_stop_until_one_is_chosen() {
    let mut cluster = Cluster::of(2).await;
    let right = cluster.seat_of(&*cluster.leader().await);
    stray(&cluster, 1 - right).await;
    for at in 0..2 {
        is_out(&mut cluster, at).await;
    }
    let seat = &cluster.seats[right];
    let survivor = Survivor { name: seat.name.clone(), address: None, voter: true };
    let report = recovery::recover(seat.folder.path(), &[survivor]).unwrap();
    assert_eq!(report.former, [cluster.seats[1 - right].name.clone()]);
    cluster.seats[right].start().await.set_sealed(false);
    others_go_on(&cluster).await;
    let name = cluster.seats[1 - right].name.clone();
    cluster.seats[1 - right] = Seat::new(&name);
    cluster.seats[1 - right].start().await.set_sealed(false);
    cluster.join(1 - right).await;
    others_go_on(&cluster).await;
}
