//! Members that are lost, removed, left without a vote, or come back empty.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Answer, Client, Cluster, Node, Transport, run_with, until};

const REMOVE: &str = "/v1/sys/storage/raft/remove-peer";
const DEMOTE: &str = "/v1/sys/storage/raft/demote";
const STATE: &str = "/v1/sys/storage/raft/autopilot/state";
const AUTOPILOT: &str = "/v1/sys/storage/raft/autopilot/configuration";

fn named(name: &str) -> Value {
    json!({ "server_id": name })
}

/// Who is a member, and who of them votes.
async fn members(root: &Client) -> Vec<(String, bool)> {
    let answer = root.get("/v1/sys/storage/raft/configuration").await.ok();
    let servers = answer["data"]["config"]["servers"].as_array().unwrap();
    let member = |server: &Value| (server["node_id"].as_str().unwrap().to_owned(), server["voter"] == json!(true));
    servers.iter().map(member).collect()
}

fn refused(answer: &Answer, status: u16, part: &str) {
    assert!(answer.status == status && answer.error().contains(part), "{} {}", answer.status, answer.body);
}

#[tokio::test]
async fn five_nodes_lose_two_and_go_on_as_three() {
    let mut cluster = Cluster::serving(5, Transport::Plain).await;
    let leader = cluster.leader().await;
    cluster.root(leader).post("/v1/sys/mounts/kv", json!({ "type": "kv" })).await.ok();
    cluster.root(leader).post("/v1/kv/before", json!({ "v": "1" })).await.ok();
    let lost = [leader, (leader + 1) % 5];
    for index in lost {
        cluster.nodes[index].kill();
    }
    let leader = cluster.leader().await;
    let root = cluster.root(leader);
    root.post("/v1/kv/after", json!({ "v": "2" })).await.ok();
    assert_eq!(root.get("/v1/kv/before").await.ok()["data"]["v"], "1");

    let alive = (0..5).find(|index| *index != leader && !lost.contains(index)).unwrap();
    refused(&root.post(REMOVE, named(&cluster.nodes[alive].name)).await, 400, "no majority");
    // Through a standby, as clients do.
    for index in lost {
        assert_eq!(cluster.root(alive).post(REMOVE, named(&cluster.nodes[index].name)).await.status, 204);
    }
    let left = members(&root).await;
    assert_eq!((left.len(), left.iter().all(|(_, voter)| *voter)), (3, true), "{left:?}");
    let state = until("the cluster should be healthy", async || {
        let state = root.get(STATE).await.ok()["data"].clone();
        (state["healthy"] == json!(true)).then_some(state)
    })
    .await;
    assert_eq!((&state["failure_tolerance"], state["voters"].as_array().unwrap().len()), (&json!(1), 3));

    // One of them comes back, and is told.
    let node = &mut cluster.nodes[lost[1]];
    node.start().await;
    until("it should know that it was removed", async || node.client().health().await.filter(|code| *code == 530))
        .await;
    let client = node.client();
    assert_eq!(client.get("/v1/sys/health?removedcode=299").await.status, 299);
    assert_eq!(client.get("/v1/sys/health").await.body["removed_from_cluster"], true);
    assert_eq!(client.get("/v1/sys/seal-status").await.ok()["removed_from_cluster"], true);
    let key = &cluster.keys.as_ref().unwrap().unseal[0];
    refused(&client.post("/v1/sys/unseal", json!({ "key": key })).await, 400, "was removed from its cluster");
    let node = &mut cluster.nodes[lost[1]];
    assert!(node.stop().await.success());
    node.launch();
    assert!(!node.ended().await.success());
    assert!(node.log().contains("this node was removed from its cluster; to join again, start it with an empty data"));
}

#[tokio::test]
async fn the_active_node_is_removed_by_its_own_hand() {
    let mut cluster = Cluster::serving(3, Transport::Plain).await;
    let old = cluster.leader().await;
    let root = cluster.root(old);
    refused(&root.post(REMOVE, json!({})).await, 400, "no server id provided");
    refused(&root.post(REMOVE, named("nobody")).await, 400, "its nodes are \"node1\", \"node2\", \"node3\"");
    assert_eq!(cluster.nodes[old].client().post(REMOVE, named("node1")).await.status, 403);

    assert_eq!(root.post(REMOVE, named(&cluster.nodes[old].name)).await.status, 204);
    let client = cluster.nodes[old].client();
    until("it should know that it was removed", async || client.health().await.filter(|code| *code == 530)).await;
    until("it should have sealed itself", async || {
        (client.get("/v1/sys/seal-status").await.ok()["sealed"] == json!(true)).then_some(())
    })
    .await;
    refused(&root.get("/v1/sys/mounts").await, 503, "was removed from its cluster");
    let new = cluster.leader().await;
    assert_ne!(new, old);
    assert_eq!(members(&cluster.root(new)).await.len(), 2);

    // Emptied, it comes in again.
    cluster.nodes[old].stop().await;
    fs::remove_dir_all(cluster.nodes[old].data()).unwrap();
    cluster.nodes[old].start().await;
    cluster.unseal(old).await;
    cluster.serves(old).await;
    cluster.all_vote().await;
}

#[tokio::test]
async fn an_emptied_node_founds_nothing_and_joins_again() {
    let mut cluster = Cluster::serving(3, Transport::Plain).await;
    let emptied = cluster.standbys().await[0];
    let others: Vec<usize> = (0..3).filter(|index| *index != emptied).collect();
    let backup = cluster.root(cluster.leader().await).download("/v1/sys/storage/raft/snapshot").await;
    for node in &mut cluster.nodes {
        node.stop().await;
    }
    fs::remove_dir_all(cluster.nodes[emptied].data()).unwrap();
    for node in &mut cluster.nodes {
        node.start().await;
    }
    // The others are sealed and can let nobody in; what they are, they say.
    let init = json!({ "secret_shares": 1, "secret_threshold": 1 });
    let answer = cluster.nodes[emptied].client().post("/v1/sys/init", init).await;
    refused(&answer, 400, "retry_join");
    assert!(others.iter().any(|index| answer.error().contains(&cluster.nodes[*index].url())), "{}", answer.error());
    assert_eq!(cluster.nodes[emptied].client().get("/v1/sys/init").await.ok()["initialized"], false);
    let client = cluster.nodes[emptied].client();
    let restored = client.upload("/v1/sys/storage/raft/snapshot-force", &backup).await;
    refused(&restored, 400, "retry_join");

    for index in others {
        cluster.unseal(index).await;
    }
    cluster.unseal(emptied).await;
    cluster.serves(emptied).await;
    cluster.all_vote().await;
    assert_eq!(members(&cluster.root(emptied)).await.len(), 3, "under its name it is there once");
}

#[tokio::test]
async fn a_cluster_is_founded_while_the_other_nodes_are_away() {
    let mut cluster = Cluster::configured(3, Transport::Plain, &json!({}));
    cluster.nodes[0].start().await;
    cluster.initialise(1, 1).await;
    cluster.unseal(0).await;
    cluster.serves(0).await;
}

#[tokio::test]
async fn a_node_that_joins_without_a_vote_stays_so() {
    let mut cluster = Cluster::configured(3, Transport::Plain, &json!({}));
    let file = cluster.nodes[2].config_file();
    let mut config: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    config["storage"]["raft"]["retry_join_as_non_voter"] = json!(true);
    fs::write(&file, serde_json::to_vec(&config).unwrap()).unwrap();
    for node in &mut cluster.nodes {
        node.start().await;
    }
    cluster.initialise(1, 1).await;
    for index in 0..3 {
        cluster.unseal(index).await;
        cluster.serves(index).await;
    }
    let leader = cluster.leader().await;
    let root = cluster.root(leader);
    let voters = async || members(&root).await.iter().filter(|(_, voter)| *voter).count();
    until("two should vote", async || (voters().await == 2).then_some(())).await;
    assert!(members(&root).await.contains(&("node3".to_owned(), false)));
    let state = root.get(STATE).await.ok()["data"].clone();
    assert_eq!(state["non_voters"], json!(["node3"]));
    let server = &state["servers"]["node3"];
    assert_eq!(json!([server["node_type"], server["status"]]), json!(["non-voter", "non-voter"]));

    let (address, token) = (cluster.nodes[leader].url(), cluster.keys.as_ref().unwrap().root.clone());
    let raft = |arguments: &[&str]| {
        let ran = run_with(
            &[&["operator", "raft"], arguments].concat(),
            &[("VAULT_ADDR", &address), ("VAULT_TOKEN", &token)],
            "",
        );
        assert_eq!(ran.status, 0, "{ran:?}");
        ran.out
    };
    raft(&["promote", "node3"]);
    until("all should vote", async || (voters().await == 3).then_some(())).await;
    raft(&["demote", "node3"]);
    assert_eq!(voters().await, 2);
    let peers = raft(&["list-peers"]);
    assert!(peers.lines().any(|line| line.starts_with("node3") && line.ends_with("false")), "{peers}");
    assert!(raft(&["autopilot", "state"]).contains("Non Voters:\n   node3\n"));
    raft(&["remove-peer", "node3"]);
    assert_eq!(members(&root).await.len(), 2);
    refused(&root.post(DEMOTE, json!({})).await, 400, "no server id provided");
}

#[tokio::test]
async fn autopilot_is_configured_within_its_limits() {
    let cluster = Cluster::serving(1, Transport::Plain).await;
    let root = cluster.root(0);
    let read = async || root.get(AUTOPILOT).await.ok()["data"].clone();
    let fresh = json!({
        "cleanup_dead_servers": true,
        "dead_server_last_contact_threshold": "24h0m0s",
        "last_contact_threshold": "10s",
        "max_trailing_logs": 1000,
        "min_quorum": 3,
        "server_stabilization_time": "10s",
    });
    assert_eq!(read().await, fresh);
    let change =
        json!({ "last_contact_threshold": "20s", "server_stabilization_time": 30, "max_trailing_logs": "2000" });
    assert_eq!(root.post(AUTOPILOT, change).await.status, 204);
    let changed = read().await;
    assert_eq!(
        (&changed["last_contact_threshold"], &changed["server_stabilization_time"]),
        (&json!("20s"), &json!("30s"))
    );
    assert_eq!((&changed["max_trailing_logs"], &changed["min_quorum"]), (&json!(2000), &json!(3)));

    refused(&root.post(AUTOPILOT, json!({ "min_quorum": 2 })).await, 400, "it should at least be 3");
    let soon = json!({ "dead_server_last_contact_threshold": "30s" });
    refused(&root.post(AUTOPILOT, soon).await, 400, "less than 1m; received: 30");
    refused(&root.post(AUTOPILOT, json!({ "max_trailing_logs": -1 })).await, 400, "must not be negative");
    refused(&root.post(AUTOPILOT, json!({ "last_contact_threshold": "x" })).await, 400, "last_contact_threshold");
    assert_eq!(read().await, changed, "what is refused changes nothing");
    // A value of zero leaves what is set, and without cleaning up there are no limits.
    let off = json!({ "cleanup_dead_servers": false, "min_quorum": 0, "dead_server_last_contact_threshold": "25s" });
    assert_eq!(root.post(AUTOPILOT, off).await.status, 204);
    let off = read().await;
    assert_eq!((&off["min_quorum"], &off["dead_server_last_contact_threshold"]), (&json!(3), &json!("25s")));
    assert_eq!(cluster.nodes[0].client().get(AUTOPILOT).await.status, 403);

    let state = root.get(STATE).await.ok()["data"].clone();
    assert_eq!(json!([state["healthy"], state["failure_tolerance"], state["leader"]]), json!([true, 0, "node1"]));
    let server = &state["servers"]["node1"];
    let shown = json!([server["node_status"], server["status"], server["last_contact"]]);
    assert_eq!(shown, json!(["alive", "leader", "0s"]));
    assert!(server["last_index"].as_u64().unwrap() > 0 && server["last_term"].as_u64().unwrap() > 0);
    assert_eq!(cluster.nodes[0].client().get(STATE).await.status, 403);
}

/// The one under whose name it asks has just gone, and has not been silent for long to the leader that there is now.
#[tokio::test]
async fn a_namesake_is_not_taken_for_dead_by_a_leader_that_has_just_begun() {
    let mut cluster = Cluster::serving(3, Transport::Plain).await;
    let old = cluster.leader().await;
    // The first of all is the one that the twin asks.
    let [next, gone] = cluster.standbys().await[..] else { panic!("two standbys") };
    let twin = Node::new("twin", cluster.folder(), None);
    cluster.nodes.push(twin);
    cluster.configure(3, &json!({}));
    let file = cluster.nodes[3].config_file();
    let mut config: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    config["storage"]["raft"]["node_id"] = json!(cluster.nodes[gone].name);
    fs::write(&file, config.to_string()).unwrap();
    cluster.nodes[3].start().await;
    let client = cluster.nodes[3].client();
    until("it should have found the cluster", async || {
        (client.get("/v1/sys/seal-status").await.ok()["t"] == json!(2)).then_some(())
    })
    .await;
    let keys = cluster.keys.as_ref().unwrap().unseal.clone();
    client.post("/v1/sys/unseal", json!({ "key": keys[0] })).await.ok();

    cluster.nodes[gone].kill();
    let (heir, root) = (cluster.nodes[next].client(), cluster.root(old));
    until("another should lead", async || {
        // It may have been offered to the one that has gone. Asked at a standby, the heir would step down.
        if root.health().await == Some(200) {
            root.post("/v1/sys/step-down", json!({})).await;
        }
        heir.health().await.filter(|code| *code == 200)
    })
    .await;
    until("it should be refused", async || {
        // Whom it asks may not know yet who leads now; then the shares are to be given again.
        for key in &keys[..2] {
            let answer = client.post("/v1/sys/unseal", json!({ "key": key })).await;
            if answer.error().contains("answered less than 10 s ago, or may have") {
                return Some(());
            }
        }
        None
    })
    .await;
    cluster.nodes[3].kill();
    cluster.nodes.pop();
    cluster.nodes[gone].start().await;
    cluster.unseal(gone).await;
    cluster.serves(gone).await;
    assert_eq!(members(&cluster.root(next)).await.len(), 3);
}

/// A command hears from the server what is wrong, before it gives up by itself.
#[tokio::test]
async fn without_a_quorum_commands_are_told_so() {
    let mut cluster = Cluster::serving(3, Transport::Plain).await;
    let left = cluster.leader().await;
    for index in (0..3).filter(|index| *index != left) {
        cluster.nodes[index].kill();
    }
    let node = &cluster.nodes[left];
    until("it should know that nobody leads", async || node.client().health().await.filter(|code| *code == 429)).await;
    let (address, root) = (node.url(), cluster.keys.as_ref().unwrap().root.clone());
    let said = [("VAULT_ADDR", address.as_str()), ("VAULT_TOKEN", root.as_str()), ("VAULT_MAX_RETRIES", "0")];
    let ran = run_with(&["write", "sys/policies/acl/p", "policy=path \"a\" {}"], &said, "");
    assert!(ran.status != 0 && ran.err.contains("no node is active at the moment"), "{ran:?}");
}
