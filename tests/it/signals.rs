//! SIGHUP, SIGTERM and SIGSTOP with SIGCONT, whatever a node is at that moment.

use serde_json::json;

use crate::harness::{Cluster, Transport, until};

/// What a node answers its probes with.
async fn health(cluster: &Cluster, index: usize) -> u16 {
    until("the node should answer", async || cluster.nodes[index].client().health().await).await
}

/// None of them changes what the node is; asked to end it does, and comes back as it was.
async fn survives_all(cluster: &mut Cluster, index: usize, after_restart: u16) {
    let before = health(cluster, index).await;
    cluster.nodes[index].signal("HUP");
    assert_eq!(health(cluster, index).await, before, "after SIGHUP");
    cluster.nodes[index].signal("STOP");
    cluster.nodes[index].signal("HUP");
    cluster.nodes[index].signal("CONT");
    assert_eq!(health(cluster, index).await, before, "after SIGSTOP and SIGCONT");
    assert!(cluster.nodes[index].stop().await.success(), "after SIGTERM");
    cluster.nodes[index].start().await;
    assert_eq!(health(cluster, index).await, after_restart, "started again");
}

#[tokio::test]
async fn nodes_that_serve_nobody_take_every_signal() {
    let mut cluster = Cluster::configured(1, Transport::Plain, &json!({}));
    cluster.nodes[0].start().await;
    survives_all(&mut cluster, 0, 501).await;
    cluster.initialise(1, 1).await;
    survives_all(&mut cluster, 0, 503).await;
    // Asked to end while it stands still: it ends when it goes on.
    cluster.nodes[0].signal("STOP");
    cluster.nodes[0].signal("TERM");
    cluster.nodes[0].signal("CONT");
    assert!(cluster.nodes[0].ended().await.success());
}

#[tokio::test]
async fn a_standby_and_the_active_node_take_every_signal_and_there_is_never_a_second_leader() {
    let mut cluster = Cluster::serving(3, Transport::Plain).await;
    let leader = cluster.leader().await;
    cluster.root(leader).post("/v1/sys/mounts/kv", json!({ "type": "kv" })).await.ok();
    let standby = cluster.standbys().await[0];
    survives_all(&mut cluster, standby, 503).await;
    cluster.unseal(standby).await;
    cluster.serves(standby).await;

    // The active node stands still until another has taken over and written.
    let old = cluster.leader().await;
    cluster.nodes[old].signal("HUP");
    cluster.nodes[old].signal("STOP");
    let others: Vec<usize> = (0..3).filter(|index| *index != old).collect();
    let new = until("another node should be active", async || {
        for index in &others {
            if cluster.nodes[*index].client().health().await == Some(200) {
                return Some(*index);
            }
        }
        None
    })
    .await;
    cluster.root(new).post("/v1/kv/a", json!({ "v": "new" })).await.ok();
    cluster.nodes[old].signal("CONT");
    // It still thought that it led: whatever it answers now is of after the write.
    assert_eq!(cluster.root(old).get("/v1/kv/a").await.ok()["data"]["v"], "new");
    cluster.serves(old).await;
    let mut active = 0;
    for index in 0..3 {
        active += usize::from(cluster.nodes[index].client().get("/v1/sys/leader").await.ok()["is_self"] == json!(true));
    }
    assert_eq!(active, 1);

    // Asked to end while it stands still, the active node ends all the same, and nobody misses it.
    let last = cluster.leader().await;
    cluster.nodes[last].signal("STOP");
    cluster.nodes[last].signal("TERM");
    cluster.nodes[last].signal("CONT");
    assert!(cluster.nodes[last].ended().await.success());
    let next = cluster.leader().await;
    assert_ne!(next, last);
    cluster.root(next).post("/v1/kv/b", json!({ "v": "1" })).await.ok();
}
