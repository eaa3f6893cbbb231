//! What is written through any node is read from every node, and outlives the loss of one.

use serde_json::json;

use crate::harness::{Cluster, Transport, run_with, until};

#[tokio::test]
async fn a_secret_outlives_its_leader() {
    let mut cluster = Cluster::serving(3, Transport::Plain).await;
    let standby = cluster.standbys().await[0];
    let through = cluster.root(standby);
    through.post("/v1/sys/mounts/secret", json!({ "type": "kv", "options": { "version": "2" } })).await.ok();
    through.post("/v1/secret/data/app", json!({ "data": { "password": "correct-horse" } })).await.ok();
    for index in 0..3 {
        let read = cluster.root(index).get("/v1/secret/data/app").await.ok();
        assert_eq!(read["data"]["data"]["password"], "correct-horse", "node {index}");
    }
    let nobody = cluster.nodes[standby].client().get("/v1/secret/data/app").await;
    assert_eq!((nobody.status, nobody.error()), (403, "permission denied"));
    let listed = cluster.root(standby).list("/v1/secret/metadata").await.ok();
    assert_eq!(listed["data"]["keys"], json!(["app"]));

    let lost = cluster.leader().await;
    cluster.nodes[lost].kill();
    let leader = cluster.leader().await;
    assert_ne!(leader, lost);
    let read = cluster.root(leader).get("/v1/secret/data/app").await.ok();
    assert_eq!(read["data"]["data"]["password"], "correct-horse");
    cluster.root(leader).post("/v1/secret/data/later", json!({ "data": { "n": "2" } })).await.ok();

    cluster.nodes[lost].start().await;
    cluster.unseal(lost).await;
    cluster.serves(lost).await;
    let read = cluster.root(lost).get("/v1/secret/data/later").await.ok();
    assert_eq!(read["data"]["data"]["n"], "2");
    cluster.root(lost).delete("/v1/secret/data/later").await.ok();
    let gone = cluster.root(leader).get("/v1/secret/data/later").await;
    assert_eq!(gone.status, 404);
}

#[tokio::test]
async fn the_commands_of_kv_on_both_versions() {
    let cluster = Cluster::serving(1, Transport::Plain).await;
    let root = cluster.root(0);
    root.post("/v1/sys/mounts/one", json!({ "type": "kv", "options": { "version": "1" } })).await.ok();
    root.post("/v1/sys/mounts/two", json!({ "type": "kv", "options": { "version": "2" } })).await.ok();
    let (address, token) = (cluster.nodes[0].url(), cluster.keys.as_ref().unwrap().root.clone());
    let kv = |arguments: &[&str], input: &str| {
        run_with(&[&["kv"], arguments].concat(), &[("VAULT_ADDR", &address), ("VAULT_TOKEN", &token)], input)
    };
    let put = kv(&["put", "one/app", "a=1", "b=-"], "from a pipe");
    assert_eq!((put.status, put.out.as_str()), (0, "Success! Data written to: one/app\n"), "{put:?}");
    let get = kv(&["get", "one/app"], "");
    assert_eq!(get.out, "====== Data ======\nKey    Value\n---    -----\na      1\nb      from a pipe\n");
    assert_eq!(kv(&["get", "-field=b", "one/app"], "").out, "from a pipe");

    let put = kv(&["put", "two/app", "-"], "{\"a\": \"1\"}");
    assert!(put.status == 0 && put.out.contains("== Secret Path ==\ntwo/data/app"), "{put:?}");
    assert_eq!(kv(&["put", "-cas=1", "-mount=two", "app", "a=2"], "").status, 0);
    let refused = kv(&["put", "-cas=1", "two/app", "a=3"], "");
    assert_eq!(refused.status, 2);
    assert!(refused.err.contains("Code: 400. Errors:\n\n* "), "{}", refused.err);
    assert_eq!(kv(&["get", "-field=a", "-version=1", "two/app"], "").out, "1");
    assert_eq!(kv(&["get", "-field=a", "two/app"], "").out, "2");
    assert_eq!(kv(&["list", "-format=json", "two"], "").out, "[\n  \"app\"\n]\n");

    let deleted = kv(&["delete", "two/app"], "");
    assert_eq!(deleted.out, "Success! Data deleted (if it existed) at: two/data/app\n");
    let gone = kv(&["get", "two/app"], "");
    assert!(gone.status == 0 && gone.out.contains("deletion_time"), "{gone:?}");
    let nothing = kv(&["get", "two/none"], "");
    assert_eq!((nothing.status, nothing.err.as_str()), (2, "No value found at two/data/none\n"));
}

#[tokio::test]
async fn all_nodes_lose_power_at_once() {
    let mut cluster = Cluster::serving(3, Transport::Plain).await;
    let leader = cluster.leader().await;
    cluster.root(leader).post("/v1/sys/mounts/kv", json!({ "type": "kv" })).await.ok();
    cluster.root(leader).post("/v1/kv/kept", json!({ "v": "x" })).await.ok();
    cluster.nodes.iter_mut().for_each(|node| node.kill());
    for node in &mut cluster.nodes {
        node.start().await;
    }
    for index in 0..3 {
        cluster.unseal(index).await;
        cluster.serves(index).await;
        let root = cluster.root(index);
        let read = until("it should be read again", async || {
            let answer = root.get("/v1/kv/kept").await;
            (answer.status == 200).then_some(answer)
        });
        assert_eq!(read.await.ok()["data"]["v"], "x");
    }
}

#[tokio::test]
async fn a_forwarded_request_is_audited_where_it_came_in_and_where_it_ran() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::configured(2, Transport::Plain, &json!({}));
    let file = |index: usize| folder.path().join(format!("audit-{index}.log"));
    for index in 0..2 {
        let device = json!({ "audit": [{ "file": { "log": { "options": { "file_path": file(index) } } } }] });
        cluster.configure(index, &device);
        cluster.nodes[index].start().await;
    }
    cluster.initialise(1, 1).await;
    cluster.unseal(0).await;
    cluster.unseal(1).await;
    let leader = cluster.leader().await;
    let standby = cluster.standbys().await[0];
    cluster.serves(standby).await;
    cluster.root(standby).post("/v1/cubbyhole/a", json!({ "k": "v" })).await.ok();

    let entries = |index: usize| -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(file(index)).unwrap();
        let all = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        all.filter(|entry| entry["request"]["path"] == "cubbyhole/a").collect()
    };
    let hop = entries(standby);
    assert_eq!(hop.len(), 1, "{hop:?}");
    assert_eq!(hop[0]["type"], "forward");
    let ran = entries(leader);
    assert_eq!(ran.iter().map(|entry| entry["type"].as_str().unwrap()).collect::<Vec<_>>(), ["request", "response"]);
    assert!(ran.iter().all(|entry| entry["request"]["id"] == hop[0]["request"]["id"]), "one id links them");
}
