//! A cluster made of what is left of one, and what those do that were believed to be gone.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cluster::recovery::{self, RecoverError, Survivor};
use cluster::{MemberChange, Node, OpenError};

use crate::harness::*;

fn voters(names: &[&str]) -> Vec<Survivor> {
    names.iter().map(|name| Survivor { name: (*name).to_owned(), address: None, voter: true }).collect()
}

fn folder(cluster: &Cluster, at: usize) -> PathBuf {
    cluster.seats[at].folder.path().to_owned()
}

async fn filled(size: usize) -> Cluster {
    let cluster = Cluster::of(size).await;
    for n in 0..20 {
        cluster.write(&format!("key-{n}"), "value").await;
    }
    cluster.settle().await;
    cluster
}

async fn stop_all(cluster: &mut Cluster) {
    for seat in &mut cluster.seats {
        if let Some(node) = seat.node.take() {
            node.shutdown(soon()).await;
        }
    }
}

async fn unsealed(cluster: &mut Cluster, at: usize) -> Arc<Node> {
    let node = cluster.seats[at].start().await;
    node.set_sealed(false);
    node
}

/// What the seat's node says once it is stopped for good.
fn recover(data: &Path, names: &[&str]) -> recovery::Report {
    let planned = recovery::rehearse(data, &voters(names)).unwrap();
    let done = recovery::recover(data, &voters(names)).unwrap();
    assert_eq!(planned, done);
    done
}

/// The one that was recovered alone serves, takes a new node in, and is not disturbed by those that come back.
async fn goes_on_alone(mut cluster: Cluster) {
    let node = unsealed(&mut cluster, 0).await;
    until("the survivor leads", || node.leadership().borrow().is_ready()).await;
    assert_eq!(node.members().len(), 1);
    for n in 0..20 {
        assert_eq!(read(&node, &format!("key-{n}")).as_deref(), Some("value"));
    }
    let epoch = node.fingerprint().0.epoch;
    assert_eq!(epoch.number, 2, "a line of history of its own");
    let said = node.recovery().expect("the state says that it was recovered");
    assert_eq!(said.recovered.survivors, ["a"]);
    let former: Vec<_> = said.recovered.former.iter().map(|(_, member)| member.name.as_str()).collect();
    assert_eq!(former.len(), 2);
    assert!(former.contains(&"b") && former.contains(&"c"));

    cluster.seats.push(Seat::new("d"));
    unsealed(&mut cluster, 3).await;
    cluster.join(3).await;
    cluster.write("after", "recovery").await;
    cluster.settle().await;
    let joined = cluster.seats[3].node();
    assert_eq!(joined.recovery(), node.recovery(), "who joins knows of it as well");

    // With old data and a majority of the old members.
    let (b, c) = (unsealed(&mut cluster, 1).await, unsealed(&mut cluster, 2).await);
    for old in [&b, &c] {
        until("it learns that it was removed", || *old.removed().borrow()).await;
        assert!(!old.leadership().borrow().leads());
        assert_eq!(read(old, "after"), None);
    }
    assert!(node.leadership().borrow().is_ready());
    drop((b, c));
    for at in [1, 2] {
        let written = cluster.seats[at].folder.path().join("removed");
        until("it is written down", || written.exists()).await;
        cluster.seats[at].stop().await;
        let again = Node::open(cluster.seats[at].options(), Arc::new(Writer::default())).await;
        assert!(matches!(again, Err(OpenError::Removed(_))));
        let nothing = recovery::recover(&folder(&cluster, at), &voters(&[&cluster.seats[at].name]));
        assert!(matches!(nothing, Err(RecoverError::Removed)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_three_goes_on_alone() {
    let mut cluster = filled(3).await;
    let (epoch, revision) = {
        let node = cluster.seats[0].node();
        (node.fingerprint().0.epoch, node.fingerprint().0)
    };
    assert_eq!(epoch.number, 1);
    stop_all(&mut cluster).await;
    let survey = recovery::survey(&folder(&cluster, 0)).unwrap();
    assert_eq!(survey.name.as_deref(), Some("a"));
    assert_eq!(survey.revision, revision);
    assert_eq!(survey.members.iter().filter(|(_, _, votes)| *votes).count(), 3);
    assert!(survey.last >= survey.committed && survey.committed >= survey.applied && !survey.removed);

    let done = recover(&folder(&cluster, 0), &["a"]);
    assert!(!done.already);
    assert_eq!(Some(done.from), survey.last);
    assert!(recover(&folder(&cluster, 0), &["a"]).already, "it is done once");
    goes_on_alone(cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_asks_for_the_same_and_is_gone_afterwards() {
    let mut cluster = filled(3).await;
    stop_all(&mut cluster).await;
    let file = folder(&cluster, 0).join("raft/peers.json");
    let open = async |cluster: &Cluster| Node::open(cluster.seats[0].options(), Arc::new(Writer::default())).await;

    std::fs::write(&file, r#"[{"id": "stranger", "address": "127.0.0.1:1"}]"#).unwrap();
    let refused = open(&cluster).await.err().expect("an unknown member").to_string();
    assert!(refused.contains(r#"no member is named "stranger"; this node knows"#), "{refused}");
    assert!(file.exists());

    std::fs::write(&file, format!(r#"[{{"id": "a", "address": "127.0.0.1:{}"}}]"#, cluster.seats[0].port)).unwrap();
    goes_on_alone(cluster).await;
    assert!(!file.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_possible_is_done() {
    let mut cluster = filled(2).await;
    let data = folder(&cluster, 0);
    assert!(matches!(recovery::survey(&data), Err(RecoverError::InUse(_))));
    assert!(matches!(recovery::recover(&data, &voters(&["a"])), Err(RecoverError::InUse(_))));
    stop_all(&mut cluster).await;
    let refused = |names: &[&str]| recovery::recover(&data, &voters(names)).unwrap_err();
    assert!(matches!(refused(&["a", "x"]), RecoverError::Unknown { .. }));
    assert!(matches!(refused(&["b"]), RecoverError::NotAmong(own) if own == "a"));
    assert!(matches!(refused(&["a", "a"]), RecoverError::Twice(_)));
    let mut silent = voters(&["a"]);
    silent[0].voter = false;
    assert!(matches!(recovery::recover(&data, &silent), Err(RecoverError::NoVoter)));

    // Nothing of that has changed anything.
    unsealed(&mut cluster, 0).await;
    unsealed(&mut cluster, 1).await;
    cluster.write("after", "refusals").await;
    cluster.settle().await;
}

/// Five nodes, of which the second was away at the end; answers the seats of the one that went furthest and of that one.
async fn one_behind() -> (Cluster, usize, usize) {
    let mut cluster = filled(5).await;
    let ahead = cluster.leader().await;
    let ahead = cluster.seat_of(&ahead);
    let behind = (ahead + 1) % 5;
    cluster.seats[behind].stop().await;
    for n in 0..50 {
        cluster.write(&format!("late-{n}"), "value").await;
    }
    cluster.settle().await;
    stop_all(&mut cluster).await;
    (cluster, ahead, behind)
}

async fn the_furthest_wins(both: bool) {
    let (mut cluster, ahead, behind) = one_behind().await;
    let names: Vec<String> = [ahead, behind].iter().map(|at| cluster.seats[*at].name.clone()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    recover(&folder(&cluster, ahead), &names);
    if both {
        recover(&folder(&cluster, behind), &names);
    }
    unsealed(&mut cluster, behind).await;
    unsealed(&mut cluster, ahead).await;
    cluster.write("after", "recovery").await;
    cluster.settle().await;
    for at in [ahead, behind] {
        let node = cluster.seats[at].node();
        assert_eq!(node.members().len(), 2);
        assert_eq!(read(node, "late-49").as_deref(), Some("value"));
        assert_eq!(node.fingerprint().0.epoch.number, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_survivors_the_furthest_wins() {
    the_furthest_wins(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_enough_to_recover_the_furthest() {
    the_furthest_wins(false).await;
}

/// A member without a vote survives: it gets one where that is asked for, and is said to.
#[tokio::test(flavor = "multi_thread")]
async fn who_had_no_vote_gets_one_only_where_that_is_said() {
    let mut cluster = filled(3).await;
    let demoted = cluster.follower().await;
    let (id, at) = (demoted.id(), cluster.seat_of(&demoted));
    drop(demoted);
    cluster.leader().await.change_member(id, MemberChange::Demote, soon()).await.unwrap();
    cluster.write("after", "1").await;
    cluster.settle().await;
    let voter = cluster.seat_of(&*cluster.leader().await);
    stop_all(&mut cluster).await;

    let names = [cluster.seats[voter].name.as_str(), cluster.seats[at].name.as_str()];
    let planned = recovery::rehearse(&folder(&cluster, voter), &voters(&names)).unwrap();
    assert_eq!(planned.given_votes, [names[1]]);
    let peer = |at: usize, non_voter: bool| {
        let seat = &cluster.seats[at];
        serde_json::json!({ "id": seat.name, "address": format!("127.0.0.1:{}", seat.port), "non_voter": non_voter })
    };
    let peers = serde_json::to_vec(&[peer(voter, false), peer(at, true)]).unwrap();
    std::fs::write(folder(&cluster, voter).join("raft/peers.json"), peers).unwrap();
    let node = unsealed(&mut cluster, voter).await;
    until("the survivor leads", || node.leadership().borrow().is_ready()).await;
    unsealed(&mut cluster, at).await;
    cluster.settle().await;
    let votes: Vec<bool> = node.members().iter().filter(|member| member.id == id).map(|member| member.voter).collect();
    assert_eq!(votes, [false], "it stays without");
}
