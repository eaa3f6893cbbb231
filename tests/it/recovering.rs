//! Two of three nodes are gone for good: the third is made a cluster of its own, by the command and by the file.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Cluster, Ran, Transport, run, until};

/// Three nodes that serve and have something to lose; a fourth is configured and not started.
async fn three_and_a_spare(audit: &std::path::Path) -> Cluster {
    let devices = json!({ "audit": [{ "file": { "log": { "options": { "file_path": audit } } } }] });
    let mut cluster = Cluster::configured(4, Transport::Plain, &devices);
    for node in &mut cluster.nodes[..3] {
        node.start().await;
    }
    cluster.initialise(3, 2).await;
    for index in 0..3 {
        cluster.unseal(index).await;
        cluster.serves(index).await;
    }
    voters(&cluster, 3).await;
    let root = cluster.root(0);
    root.post("/v1/sys/mounts/kv", json!({ "type": "kv" })).await.ok();
    for n in 0..20 {
        root.post(&format!("/v1/kv/before-{n}"), json!({ "v": n })).await.ok();
    }
    cluster
}

async fn voters(cluster: &Cluster, wanted: usize) {
    let root = cluster.root(0);
    until(&format!("{wanted} nodes should vote"), async || {
        let answer = root.get("/v1/sys/storage/raft/configuration").await;
        let servers = answer.body["data"]["config"]["servers"].as_array()?;
        (servers.len() == wanted && servers.iter().all(|server| server["voter"] == json!(true))).then_some(())
    })
    .await;
}

fn recover(cluster: &Cluster, index: usize, more: &[&str]) -> Ran {
    let config = format!("-config={}", cluster.nodes[index].config_file().display());
    let mut arguments = vec!["operator", "raft", "recover", &config, "-format=json"];
    arguments.extend(more);
    run(&arguments)
}

fn said(ran: &Ran) -> Value {
    assert_eq!(ran.status, 0, "{ran:?}");
    serde_json::from_str(&ran.out).unwrap()
}

fn marks(audit: &std::path::Path) -> Vec<Value> {
    let text = fs::read_to_string(audit).unwrap();
    let entries = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    entries.filter(|entry| entry["type"] == "event").collect()
}

/// The first node serves all it had, alone; it says what happened, and takes the fourth in.
async fn goes_on(cluster: &mut Cluster, audit: &std::path::Path) {
    cluster.nodes[0].start().await;
    cluster.unseal(0).await;
    cluster.serves(0).await;
    voters(cluster, 1).await;
    let root = cluster.root(0);
    for n in 0..20 {
        assert_eq!(root.get(&format!("/v1/kv/before-{n}")).await.ok()["data"]["v"], n);
    }
    until("the audit log should tell of it", async || (!marks(audit).is_empty()).then_some(())).await;
    let mark = marks(audit)[0]["request"].clone();
    assert_eq!(mark["path"], "recovery");
    assert_eq!(mark["data"]["survivors"], json!(["node1"]));
    assert_eq!(mark["data"]["former_members"].as_array().unwrap().len(), 2);
    assert!(mark["data"]["from_index"].as_u64().unwrap() > 20);

    cluster.nodes[3].start().await;
    cluster.unseal(3).await;
    voters(cluster, 2).await;
    root.post("/v1/kv/after", json!({ "v": "x" })).await.ok();
    assert_eq!(cluster.root(3).get("/v1/kv/after").await.ok()["data"]["v"], "x");

    // The mark is one, however often somebody becomes active.
    cluster.nodes[0].stop().await;
    cluster.nodes[3].stop().await;
    for index in [0, 3] {
        cluster.nodes[index].start().await;
        cluster.unseal(index).await;
    }
    cluster.serves(0).await;
    cluster.root(0).post("/v1/kv/later", json!({ "v": "x" })).await.ok();
    assert_eq!(marks(audit).len(), 1);
}

#[tokio::test]
async fn the_command_shows_how_far_a_node_is_and_makes_a_cluster_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let audit = folder.path().join("audit.log");
    let mut cluster = three_and_a_spare(&audit).await;
    let running = recover(&cluster, 0, &[]);
    assert_eq!(running.status, 2);
    assert!(running.err.contains("is in use: stop the server first"), "{running:?}");
    for node in &mut cluster.nodes[..3] {
        node.kill();
    }

    let stands: Vec<Value> = (0..3).map(|index| said(&recover(&cluster, index, &[]))).collect();
    for (index, stand) in stands.iter().enumerate() {
        assert_eq!(stand["id"], format!("node{}", index + 1));
        assert!(stand["last"]["term"].as_u64().unwrap() >= 1);
        assert!(stand["last"]["index"].as_u64().unwrap() > 20);
        assert_eq!(stand["members"].as_array().unwrap().len(), 3);
        assert_eq!(stand["fingerprint"].as_str().unwrap().len(), 64);
    }
    let table = run(&["operator", "raft", "recover", &format!("-data={}", cluster.nodes[0].data().display())]);
    assert!(table.out.contains("Log Ends At") && table.out.contains("node3 at 127.0.0.1:"), "{table:?}");

    for (more, status, wanted) in [
        (&["-alone"][..], 1, "say so with -yes"),
        (&["-survivor=node1", "-survivor=node9", "-yes"], 2, "no member is named \"node9\"; this node knows node"),
        (&["-survivor=node2", "-yes"], 2, "this node, \"node1\", is not among the survivors"),
        (&["-survivor=node1=nowhere", "-yes"], 1, "the address must be HOST:PORT"),
    ] {
        let refused = recover(&cluster, 0, more);
        assert_eq!(refused.status, status, "{refused:?}");
        assert!(refused.err.contains(wanted), "{refused:?}");
    }
    let nowhere = run(&["operator", "raft", "recover", &format!("-data={}", folder.path().display())]);
    assert!(nowhere.status == 2 && nowhere.err.contains("there is no node in"), "{nowhere:?}");
    assert_eq!(run(&["operator", "raft", "recover"]).status, 1);

    let done = said(&recover(&cluster, 0, &["-alone", "-yes"]));
    assert_eq!(done["survivors"], json!(["node1"]));
    assert_eq!(done["from"], stands[0]["last"]);
    assert_eq!(said(&recover(&cluster, 0, &["-alone"]))["already_done"], true);
    goes_on(&mut cluster, &audit).await;
}

#[tokio::test]
async fn the_file_that_other_servers_know_does_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let audit = folder.path().join("audit.log");
    let mut cluster = three_and_a_spare(&audit).await;
    for node in &mut cluster.nodes[..3] {
        node.kill();
    }
    let file = cluster.nodes[0].data().join("raft/peers.json");
    for (text, wanted) in [("[{", "is not understood"), (r#"[{"id":"x","address":"h:1"}]"#, "no member is named")] {
        fs::write(&file, text).unwrap();
        cluster.nodes[0].launch();
        assert!(!cluster.nodes[0].ended().await.success());
        assert!(cluster.nodes[0].log().contains(wanted), "{}", cluster.nodes[0].log());
        assert!(file.exists());
    }
    let address = format!("127.0.0.1:{}", cluster.nodes[0].cluster_port);
    fs::write(&file, json!([{ "id": "node1", "address": address, "non_voter": false }]).to_string()).unwrap();
    goes_on(&mut cluster, &audit).await;
    assert!(!file.exists());
}
