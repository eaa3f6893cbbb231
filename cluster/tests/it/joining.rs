//! Founding a cluster, letting nodes in, and what stands against it.

use cluster::{AdmitError, EnterError, FoundError, Node, OpenError};

use crate::harness::*;

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_found_join_and_hold_the_same() {
    let cluster = Cluster::of(3).await;
    for n in 0..50 {
        cluster.write(&format!("key-{n}"), "value").await;
    }
    cluster.settle().await;
    for node in cluster.up() {
        assert_eq!(read(node, "first").as_deref(), Some("1"));
        assert_eq!(read(node, "key-49").as_deref(), Some("value"));
    }
    let leader = cluster.leader().await;
    let members = leader.members();
    assert_eq!(members.iter().filter(|m| m.voter).count(), 3);
    assert_eq!(members.iter().filter(|m| m.leader).count(), 1);
    assert!(members.iter().all(|m| m.sealed == Some(false) && m.last_contact.is_some() && m.matched.is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_joins_once_and_by_its_own_key() {
    let mut cluster = Cluster::of(1).await;
    cluster.seats.push(Seat::new("b"));
    let joiner = cluster.seats[1].start().await;
    assert!(!joiner.initialised());
    let leader = cluster.leader().await;
    assert!(matches!(leader.found(put("x", "y")).await, Err(FoundError::Initialised)));
    assert!(matches!(joiner.admit(joiner.joining(), soon()).await, Err(AdmitError::NotLeader)));

    let mut forged = joiner.joining();
    forged.id += 1;
    assert!(matches!(leader.admit(forged, soon()).await, Err(AdmitError::NotItsId)));
    let mut namesake = joiner.joining();
    namesake.member.name = "a".to_owned();
    assert!(matches!(leader.admit(namesake, soon()).await, Err(AdmitError::NameTaken(_))));

    cluster.join(1).await;
    let again = leader.admit(joiner.joining(), soon()).await.unwrap();
    assert_eq!(again.len(), 2);
    assert!(matches!(joiner.enter(again, soon()).await, Err(EnterError::Initialised)));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_comes_to_a_node_that_was_not_admitted() {
    let cluster = Cluster::of(1).await;
    let mut seat = Seat::new("stranger");
    let stranger = seat.start().await;
    let joining = cluster.leader().await.joining();
    let members = vec![(joining.id, joining.member)];
    assert!(matches!(stranger.enter(members, in_ms(500)).await, Err(EnterError::NobodyCame)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_joiner_that_was_stopped_on_its_way_in_goes_on() {
    let mut cluster = Cluster::of(1).await;
    cluster.seats.push(Seat::new("b"));
    let joiner = cluster.seats[1].start().await;
    let joining = cluster.leader().await.joining();
    // It has been told whom to listen to, and is stopped before anybody lets it in.
    let told = vec![(joining.id, joining.member)];
    assert!(joiner.enter(told, in_ms(50)).await.is_err());
    let admitted = joiner.joining();
    drop(joiner);
    cluster.seats[1].stop().await;

    let leader = cluster.leader().await;
    leader.admit(admitted, soon()).await.unwrap();
    let joiner = cluster.seats[1].start().await;
    let id = joiner.id();
    until("the joiner votes", || leader.members().iter().any(|m| m.id == id && m.voter)).await;
    cluster.write("after", "joined").await;
    cluster.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_and_a_port_have_one_node() {
    let mut seat = Seat::new("a");
    seat.start().await;
    let mut other = Seat::new("b");
    other.port = seat.port;
    let handler = std::sync::Arc::new(Writer::default());
    let error = Node::open(other.options(), handler.clone()).await.err().unwrap();
    assert!(matches!(error, OpenError::Listen { .. }), "{error}");

    let port = free_port();
    let mut options = seat.options();
    options.listen = vec![([127, 0, 0, 1], port).into()];
    let error = Node::open(options, handler.clone()).await.err().unwrap();
    assert!(matches!(error, OpenError::InUse(_)), "{error}");

    seat.stop().await;
    std::fs::remove_file(seat.folder.path().join("node.key")).unwrap();
    let error = Node::open(seat.options(), handler).await.err().unwrap();
    assert!(matches!(error, OpenError::Store(cluster::log::OpenError::OtherNode { .. })), "{error}");
}
