//! Reads see what was acknowledged before them, on any node.

use crate::harness::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_reads_what_was_just_written() {
    let cluster = Cluster::of(3).await;
    let follower = cluster.follower().await;
    let since = std::time::Instant::now();
    for n in 0..200 {
        let written = cluster.write("counter", &n.to_string()).await;
        let point = follower.read_point(soon()).await.unwrap();
        assert!(point.index >= written.index);
        assert!(point.now.0 > 0, "the follower knows the cluster's time");
        assert_eq!(read(&follower, "counter"), Some(n.to_string()));
    }
    eprintln!("200 writes, each read on a follower: {:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_reads_under_its_lease() {
    let cluster = Cluster::of(3).await;
    let leader = cluster.leader().await;
    let written = cluster.write("x", "1").await;
    let since = std::time::Instant::now();
    for _ in 0..1000 {
        assert!(leader.read_point(soon()).await.unwrap().index >= written.index);
    }
    eprintln!("1000 sequential reads on the leader: {:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_off_node_does_not_read() {
    let mut cluster = Cluster::of(3).await;
    let leader = cluster.leader().await;
    let at = cluster.seat_of(&leader);
    for other in (0..3).filter(|other| *other != at) {
        cluster.seats[other].crash();
    }
    // Its lease runs out before the deadline.
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert!(leader.read_point(in_ms(500)).await.is_err());
    until("it does not call itself leader any more", || !leader.leadership().borrow().leads()).await;
}
