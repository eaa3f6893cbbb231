//! Backups that make themselves, on real nodes: whoever is active goes on, and what they wrote can be restored.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Client, Cluster, Transport, until};

const CONFIG: &str = "/v1/sys/storage/raft/snapshot-auto/config";
const STATUS: &str = "/v1/sys/storage/raft/snapshot-auto/status/often";

async fn serving(size: usize, folder: &Path) -> Cluster {
    Cluster::configured(size, Transport::Plain, &json!({ "snapshot_auto_folders": [folder] })).brought_up(3, 2).await
}

fn wanted(folder: &Path) -> Value {
    json!({
        "interval": "1s", "retain": 2, "path_prefix": folder, "file_prefix": "b", "storage_type": "local",
        "local_max_space": 10_000_000,
    })
}

/// The newest backup that the status knows and that was begun after this moment.
async fn next(root: &Client, after: &str) -> Value {
    until("a backup should be made", async || {
        let status = root.get(STATUS).await;
        let status = status.body["data"].clone();
        let began = status["snapshot_start"].as_str()?.to_owned();
        (!began.is_empty() && began.as_str() > after).then_some(status)
    })
    .await
}

#[tokio::test]
async fn the_active_node_makes_them_and_the_next_one_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = serving(3, folder.path()).await;
    let leader = cluster.leader().await;
    let root = cluster.root(leader);
    root.post("/v1/sys/mounts/kv", json!({ "type": "kv" })).await.ok();
    root.post("/v1/kv/before", json!({ "v": "1" })).await.ok();
    assert_eq!(root.get(&format!("{CONFIG}/often")).await.status, 404);
    assert_eq!(root.get(STATUS).await.status, 404);
    assert_eq!(root.post(&format!("{CONFIG}/often"), wanted(folder.path())).await.status, 204);
    assert_eq!(root.list(CONFIG).await.ok()["data"]["keys"], json!(["often"]));
    let read = root.get(&format!("{CONFIG}/often")).await.ok();
    assert_eq!(read["data"]["interval"], 1);
    assert_eq!(read["data"]["storage_type"], "local");

    let first = next(&root, "").await;
    assert_eq!(first["last_snapshot_error"], "");
    assert!(!first["next_snapshot_start"].as_str().unwrap().is_empty());

    cluster.nodes[leader].kill();
    let heir = cluster.leader().await;
    let root = cluster.root(heir);
    let second = next(&root, first["snapshot_start"].as_str().unwrap()).await;
    let third = next(&root, second["snapshot_start"].as_str().unwrap()).await;
    let metrics = root.get("/v1/sys/metrics?format=prometheus").await.ok();
    let text = metrics.as_str().unwrap();
    for name in ["holdfast_autosnapshots_age", "vault_autosnapshots_snapshot_size", "vault_autosnapshots_save_duration"]
    {
        assert!(text.contains(name), "{name}\n{text}");
    }

    // What lies there is a backup like any other.
    root.delete(&format!("{CONFIG}/often")).await.ok();
    assert_eq!(root.list(CONFIG).await.status, 404);
    root.post("/v1/kv/before", json!({ "v": "2" })).await.ok();
    let file = third["snapshot_url"].as_str().unwrap().strip_prefix("file://").unwrap().to_owned();
    let restored = root.upload("/v1/sys/storage/raft/snapshot", &fs::read(&file).unwrap()).await;
    assert_eq!(restored.status, 204, "{restored:?}");
    until("the state of then should be back", async || {
        (root.get("/v1/kv/before").await.body["data"]["v"] == "1").then_some(())
    })
    .await;
    let kept = fs::read_dir(folder.path())
        .unwrap()
        .filter(|item| item.as_ref().unwrap().file_name().to_str().unwrap().ends_with(".snap"));
    assert_eq!(kept.count(), 2);
}

#[tokio::test]
async fn what_is_not_offered_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = serving(1, folder.path()).await;
    let root = cluster.root(0);
    for (key, value, said) in [
        ("storage_type", json!("aws-s3"), "there is \"local\""),
        ("storage_type", json!(""), "storage_type is required"),
        ("autoload_enabled", json!(true), "autoload_enabled is not possible"),
        ("interval", json!("0"), "interval is required"),
        ("retain", json!(-1), "retain must be"),
        ("path_prefix", json!("/etc"), "/etc is in no folder"),
        ("local_max_space", json!(0), "local_max_space is required"),
    ] {
        let mut config = wanted(folder.path());
        config[key] = value;
        let answer = root.post(&format!("{CONFIG}/x"), config).await;
        assert_eq!(answer.status, 400, "{key}: {answer:?}");
        assert!(answer.error().contains(said), "{key}: {answer:?}");
    }
    // Of the folders that are open, it must be one that is there and can be written to.
    for (missing, said) in
        [("none", "cannot be used"), ("file", "is not a folder"), ("shut", "cannot write to the folder")]
    {
        let path = folder.path().join(missing);
        match missing {
            "file" => fs::write(&path, b"").unwrap(),
            "shut" => {
                fs::create_dir(&path).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o500)).unwrap();
            }
            _ => {}
        }
        let mut config = wanted(&path);
        config["path_prefix"] = json!(path);
        let answer = root.post(&format!("{CONFIG}/x"), config).await;
        // Whom nothing is forbidden can write there all the same.
        if missing == "shut" && fs::write(path.join("probe"), b"").is_ok() {
            continue;
        }
        assert_eq!(answer.status, 400, "{missing}: {answer:?}");
        assert!(answer.error().starts_with("path_prefix: ") && answer.error().contains(said), "{missing}: {answer:?}");
    }
    // It takes sudo.
    let policy =
        json!({ "policy": format!("path \"{}/*\" {{ capabilities = [\"update\", \"read\"] }}", &CONFIG[4..]) });
    root.post("/v1/sys/policies/acl/plain", policy).await.ok();
    let made = root.post("/v1/auth/token/create", json!({ "policies": ["plain"] })).await.ok();
    let user = cluster.nodes[0].client().with_token(made["auth"]["client_token"].as_str().unwrap());
    assert_eq!(user.post(&format!("{CONFIG}/x"), wanted(folder.path())).await.status, 403);
}
