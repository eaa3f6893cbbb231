//! A cluster that is upgraded node by node, to a version that has one more format than this one.

#[cfg(feature = "faults")]
mod written;

use std::sync::Arc;

use cluster::{Formats, Hooks, Node};

use crate::harness::*;

const NOW: Formats = Formats { oldest: 1, newest: 1 };
const NEXT: Formats = Formats { oldest: 1, newest: 2 };
const LATER: Formats = Formats { oldest: 3, newest: 3 };

async fn restart(cluster: &mut Cluster, at: usize, formats: Formats) {
    cluster.seats[at].stop().await;
    cluster.seats[at].formats = formats;
    cluster.seats[at].start().await.set_sealed(false);
}

/// Why it does not start, as that version.
async fn refused(cluster: &Cluster, at: usize, formats: Formats) -> String {
    let hooks = Hooks { formats, ..Hooks::default() };
    let opened = Node::open_with(cluster.seats[at].options(), Arc::new(Writer::default()), hooks).await;
    opened.err().expect("it must not start").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn node_by_node_and_no_way_back_once_all_read_the_next_format() {
    let mut cluster = Cluster::of(3).await;
    for at in 0..3 {
        assert_eq!(cluster.seats[at].formats, NOW, "this version is the one before");
        restart(&mut cluster, at, NEXT).await;
        cluster.write(&format!("beside-{at}"), "value").await;
        cluster.settle().await;
        if at == 0 {
            // As long as one is of the version before, every node may go back to it.
            restart(&mut cluster, 0, NOW).await;
            cluster.write("back", "value").await;
            restart(&mut cluster, 0, NEXT).await;
        }
        if at < 2 {
            assert!(cluster.up().all(|node| node.format().0 == 1));
        }
    }
    until("the cluster goes over", || cluster.up().all(|node| node.format().0 == 2)).await;
    cluster.write("after", "value").await;
    cluster.settle().await;
    for node in cluster.up() {
        for name in ["first", "beside-0", "back", "beside-2", "after"] {
            assert!(read(node, name).is_some(), "{name}");
        }
    }

    cluster.seats[1].stop().await;
    let said = refused(&cluster, 1, NOW).await;
    assert!(said.contains("the cluster is at format 2, and this version reads up to 1"), "{said}");
    let said = refused(&cluster, 1, LATER).await;
    assert!(said.contains("reads from 3 on: a version between comes first"), "{said}");
    cluster.seats[1].start().await.set_sealed(false);
    cluster.settle().await;

    // A new node of the version before gets nothing.
    cluster.seats.push(Seat::new("d"));
    let old = cluster.seats[3].start().await;
    let leader = cluster.leader().await;
    let members = leader.admit(old.joining(), soon()).await.unwrap();
    assert!(old.enter(members, in_ms(1500)).await.is_err());
    assert_eq!(read(&old, "first"), None);
    assert!(leader.members().iter().any(|member| member.id == old.id() && !member.voter));
}
