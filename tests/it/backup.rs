//! Backups of real nodes: made, restored, refused, into a cluster that is gone, and with the leader killed half-way.

use std::fs;
use std::io::{Read, Write};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Cluster, Keys, Transport, until};

const SNAPSHOT: &str = "/v1/sys/storage/raft/snapshot";
const FORCE: &str = "/v1/sys/storage/raft/snapshot-force";

async fn with_secrets(size: usize) -> Cluster {
    let cluster = Cluster::serving(size, Transport::Plain).await;
    cluster.root(0).post("/v1/sys/mounts/kv", json!({ "type": "kv" })).await.ok();
    put(&cluster, 0, "before", "1").await;
    cluster
}

async fn put(cluster: &Cluster, index: usize, name: &str, value: &str) {
    cluster.root(index).post(&format!("/v1/kv/{name}"), json!({ "v": value })).await.ok();
}

async fn get(cluster: &Cluster, index: usize, name: &str) -> Option<String> {
    let answer = cluster.root(index).get(&format!("/v1/kv/{name}")).await;
    assert!(matches!(answer.status, 200 | 404), "{answer:?}");
    answer.body["data"]["v"].as_str().map(str::to_owned)
}

/// Waits until the node says what is expected: it may still be on its way to the new state.
async fn shows(cluster: &Cluster, index: usize, name: &str, expected: Option<&str>) {
    until(&format!("{name} should be {expected:?} on node {index}"), async || {
        let answer = cluster.root(index).get(&format!("/v1/kv/{name}")).await;
        let found = answer.body["data"]["v"].as_str();
        (matches!(answer.status, 200 | 404) && found == expected).then_some(())
    })
    .await;
}

async fn save(cluster: &Cluster) -> Vec<u8> {
    cluster.root(cluster.leader().await).download(SNAPSHOT).await
}

/// Stops the nodes and starts them with empty folders.
async fn wipe(cluster: &mut Cluster) {
    for node in &mut cluster.nodes {
        node.kill();
        fs::remove_dir_all(node.data()).unwrap();
        fs::create_dir_all(node.data()).unwrap();
    }
    for node in &mut cluster.nodes {
        node.start().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_brings_the_state_back_on_all_nodes() {
    let cluster = with_secrets(3).await;
    let leader = cluster.leader().await;
    let made = cluster.root(leader).post("/v1/auth/token/create", json!({ "ttl": "1h" })).await.ok();
    let token = made["auth"]["client_token"].as_str().unwrap().to_owned();
    let backup = save(&cluster).await;
    put(&cluster, 1, "before", "changed").await;
    put(&cluster, 2, "after", "2").await;
    cluster.root(0).post("/v1/auth/token/revoke", json!({ "token": token })).await.ok();

    let standby = cluster.standbys().await[0];
    for method in ["GET", "POST"] {
        let answer = cluster.root(standby).send(method, SNAPSHOT, None).await;
        assert_eq!(answer.status, 307, "{answer:?}");
        assert_eq!(answer.headers["location"], format!("{}{SNAPSHOT}", cluster.nodes[leader].url()));
    }
    let answer = cluster.root(leader).upload(SNAPSHOT, &backup).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    for index in 0..3 {
        shows(&cluster, index, "before", Some("1")).await;
        assert_eq!(get(&cluster, index, "after").await, None);
        let own = cluster.nodes[index].client().with_token(&token).get("/v1/auth/token/lookup-self").await;
        assert_eq!(own.status, 200, "a token of then counts again: {own:?}");
        put(&cluster, index, "later", "3").await;
    }
    cluster.all_vote().await;
}

/// The answer of a node that takes no restore reaches a client that writes all of its file before it reads.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_sent_elsewhere_may_finish_its_upload() {
    let cluster = Cluster::serving(3, Transport::Plain).await;
    let standby = cluster.standbys().await[0];
    let (port, token) = (cluster.nodes[standby].api_port, cluster.keys.clone().unwrap().root);
    let sent = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
        stream.set_write_timeout(Some(Duration::from_secs(30)))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let (piece, pieces) = (vec![7; 1 << 20], 64);
        let head = format!(
            "POST {SNAPSHOT} HTTP/1.1\r\nhost: h\r\nx-vault-token: {token}\r\ncontent-length: {}\r\n\r\n",
            pieces << 20
        );
        stream.write_all(head.as_bytes())?;
        for _ in 0..pieces {
            stream.write_all(&piece)?;
        }
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    });
    assert_eq!(&sent.await.unwrap().unwrap(), b"HTTP/1.1 307");
}

/// An operation takes long and replaces the very state that it was allowed by: it is audited all the same, once, and nothing
/// of the file is in the entries.
#[tokio::test]
async fn saving_and_restoring_are_audited() {
    let folder = tempfile::tempdir().unwrap();
    let audit = folder.path().join("audit.log");
    let devices = json!({ "audit": [{ "file": { "log": { "options": { "file_path": audit } } } }] });
    let mut cluster = Cluster::configured(1, Transport::Plain, &devices);
    cluster.nodes[0].start().await;
    cluster.initialise(1, 1).await;
    cluster.unseal(0).await;
    cluster.serves(0).await;
    let backup = save(&cluster).await;
    assert_eq!(cluster.root(0).upload(SNAPSHOT, &backup).await.status, 204);
    assert_eq!(cluster.root(0).upload(SNAPSHOT, b"garbage").await.status, 400);
    let entries: Vec<Value> =
        fs::read_to_string(&audit).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let about = |operation: &str, kind: &str| -> Vec<&Value> {
        let of = |entry: &&Value| {
            entry["request"]["path"] == "sys/storage/raft/snapshot"
                && entry["request"]["operation"] == operation
                && entry["type"] == kind
        };
        entries.iter().filter(of).collect()
    };
    assert_eq!((about("read", "request").len(), about("read", "response").len()), (1, 1), "{entries:#?}");
    assert_eq!((about("update", "request").len(), about("update", "response").len()), (2, 2), "{entries:#?}");
    let answers = about("update", "response");
    assert_eq!(answers[0]["error"], Value::Null);
    assert!(answers[1]["error"].as_str().unwrap().contains("nothing was restored"), "{}", answers[1]);
    for entry in about("read", "request").into_iter().chain(about("update", "request")) {
        assert_eq!(entry["auth"]["policies"], json!(["root"]));
        assert_eq!(entry["request"]["data"].as_object().map_or(0, |data| data.len()), 0, "{entry}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_backup_or_not_allowed_changes_nothing() {
    let cluster = with_secrets(1).await;
    let backup = save(&cluster).await;
    put(&cluster, 0, "after", "2").await;
    let root = cluster.root(0);
    for bad in [&b"garbage"[..], b"", &backup[..backup.len() / 2], &backup[..backup.len() - 1]] {
        for path in [SNAPSHOT, FORCE] {
            let answer = root.upload(path, bad).await;
            assert_eq!(answer.status, 400, "{answer:?}");
            assert!(answer.error().contains("nothing was restored"), "{answer:?}");
        }
    }
    let mut corrupt = backup.clone();
    // In the checksum: elsewhere a bit may change nothing, as within a run of zeros.
    corrupt[backup.len() - 6] ^= 1;
    assert_eq!(root.upload(SNAPSHOT, &corrupt).await.status, 400);

    let nobody = cluster.nodes[0].client();
    assert_eq!(nobody.upload(SNAPSHOT, &backup).await.status, 403);
    assert_eq!(nobody.get(SNAPSHOT).await.status, 403);
    let policy = "path \"sys/storage/raft/snapshot\" { capabilities = [\"read\"] }";
    root.post("/v1/sys/policies/acl/saver", json!({ "policy": policy })).await.ok();
    let made = root.post("/v1/auth/token/create", json!({ "policies": ["saver"] })).await.ok();
    let saver = cluster.nodes[0].client().with_token(made["auth"]["client_token"].as_str().unwrap());
    assert!(!saver.download(SNAPSHOT).await.is_empty());
    assert_eq!(saver.upload(SNAPSHOT, &backup).await.status, 403);
    assert_eq!(get(&cluster, 0, "after").await.as_deref(), Some("2"));
    assert_eq!(root.upload(SNAPSHOT, &backup).await.status, 204);
    assert_eq!(get(&cluster, 0, "after").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_lost_and_comes_back_from_a_backup() {
    let mut cluster = with_secrets(3).await;
    let backup = save(&cluster).await;
    wipe(&mut cluster).await;
    let first = cluster.nodes[0].client();
    assert_eq!(first.upload(SNAPSHOT, &backup[..backup.len() - 50]).await.status, 400);
    assert_eq!(first.get("/v1/sys/init").await.ok()["initialized"], json!(false));
    assert_eq!(first.upload(FORCE, &backup).await.status, 204);
    assert_eq!(first.get("/v1/sys/init").await.ok()["initialized"], json!(true));
    assert_eq!(first.upload(SNAPSHOT, &backup).await.status, 503, "from now on it takes a token, and the keys for it");
    for index in 0..3 {
        cluster.unseal(index).await;
    }
    cluster.all_vote().await;
    for index in 0..3 {
        shows(&cluster, index, "before", Some("1")).await;
        put(&cluster, index, "after", "2").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_another_root_key_takes_force_and_its_own_shares() {
    let (there, mut cluster) = (with_secrets(1).await, with_secrets(3).await);
    put(&there, 0, "before", "theirs").await;
    let backup = save(&there).await;
    let leader = cluster.leader().await;
    let answer = cluster.root(leader).upload(SNAPSHOT, &backup).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(answer.error().contains("snapshot-force"), "{answer:?}");
    assert_eq!(get(&cluster, leader, "before").await.as_deref(), Some("1"));

    assert_eq!(cluster.root(leader).upload(FORCE, &backup).await.status, 204);
    for node in &cluster.nodes {
        until("every node should have sealed itself", async || {
            (node.client().health().await == Some(503)).then_some(())
        })
        .await;
    }
    let own = cluster.keys.clone().unwrap();
    for key in &own.unseal[..own.threshold] {
        cluster.nodes[0].client().post("/v1/sys/unseal", json!({ "key": key })).await;
    }
    assert_eq!(cluster.nodes[0].client().get("/v1/sys/seal-status").await.ok()["sealed"], json!(true));
    let theirs: Keys = there.keys.clone().unwrap();
    cluster.keys = Some(theirs);
    for index in 0..3 {
        cluster.unseal(index).await;
    }
    for index in 0..3 {
        shows(&cluster, index, "before", Some("theirs")).await;
    }
    cluster.all_vote().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_killed_during_a_restore_leaves_the_old_state_or_the_new() {
    let mut cluster = with_secrets(3).await;
    for n in 0..60 {
        put(&cluster, 0, &format!("large{n}"), &"x".repeat(20_000)).await;
    }
    let backup = save(&cluster).await;
    put(&cluster, 0, "before", "2").await;
    for round in 0..4_u64 {
        let leader = cluster.leader().await;
        let root = cluster.root(leader);
        let (file, pause) = (backup.clone(), Duration::from_millis(1));
        let restoring = tokio::spawn(async move { root.try_upload(SNAPSHOT, &file, pause).await });
        tokio::time::sleep(Duration::from_millis(100 + 60 * round)).await;
        cluster.nodes[leader].kill();
        let acknowledged = restoring.await.unwrap().is_ok_and(|answer| answer.status == 204);
        cluster.nodes[leader].start().await;
        cluster.unseal(leader).await;
        for index in 0..3 {
            cluster.serves(index).await;
        }
        let value = get(&cluster, leader, "before").await;
        assert!(value.as_deref() == Some("1") || (value.as_deref() == Some("2") && !acknowledged), "{value:?}");
        for index in 0..3 {
            assert_eq!(get(&cluster, index, "before").await, value, "node {index} in round {round}");
            assert_eq!(get(&cluster, index, "large59").await.map(|text| text.len()), Some(20_000));
        }
        put(&cluster, leader, "before", "2").await;
    }
    let leader = cluster.leader().await;
    assert_eq!(cluster.root(leader).upload(SNAPSHOT, &backup).await.status, 204);
    for index in 0..3 {
        shows(&cluster, index, "before", Some("1")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_go_on_around_a_restore() {
    let cluster = with_secrets(3).await;
    let backup = save(&cluster).await;
    let leader = cluster.leader().await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..4 {
        let client = cluster.root(writer % 3);
        writers.spawn(async move {
            let mut strange: Vec<Value> = Vec::new();
            for n in 0..60 {
                let answer = client.post(&format!("/v1/kv/w{writer}"), json!({ "n": n })).await;
                if !matches!(answer.status, 204 | 503) {
                    strange.push(json!([answer.status, answer.body]));
                }
                let answer = client.get(&format!("/v1/kv/w{writer}")).await;
                if !matches!(answer.status, 200 | 404 | 503) {
                    strange.push(json!([answer.status, answer.body]));
                }
            }
            strange
        });
    }
    for _ in 0..5 {
        assert_eq!(cluster.root(leader).upload(SNAPSHOT, &backup).await.status, 204);
    }
    for strange in writers.join_all().await {
        assert!(strange.is_empty(), "{strange:?}");
    }
    for index in 0..3 {
        shows(&cluster, index, "before", Some("1")).await;
    }
}
