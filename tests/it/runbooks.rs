//! The commands of `docs/OPERATIONS.md` and `docs/OIDC.md`, run as they stand there.

use std::fs;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Cluster, Transport, until};

/// The block of that name.
fn block(page: &str, name: &str) -> String {
    let text = fs::read_to_string(page).unwrap();
    let head = format!("<!-- run: {name} -->\n```sh\n");
    let from = text.find(&head).unwrap_or_else(|| panic!("{page} has no {name}")) + head.len();
    let to = text[from..].find("```").unwrap();
    text[from..from + to].to_owned()
}

/// A desk of an operator: a folder to work in, and what stands for the paths of the page.
struct Desk {
    folder: TempDir,
    /// Where another server is, and a token of it.
    source: (String, String),
}

impl Desk {
    fn new() -> Desk {
        let folder = TempDir::with_prefix("holdfast-runbooks-").unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        fs::create_dir(folder.path().join("backups")).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_holdfast"), folder.path().join("bin/holdfast")).unwrap();
        Desk { folder, source: Default::default() }
    }

    fn backups(&self) -> std::path::PathBuf {
        self.folder.path().join("backups")
    }

    /// Runs the block against a node, and answers what it printed.
    fn run(&self, name: &str, cluster: &Cluster, index: usize, token: Option<&str>, input: &str) -> String {
        self.run_text(&block("docs/OPERATIONS.md", name), cluster, index, token, input)
    }

    fn run_text(&self, text: &str, cluster: &Cluster, index: usize, token: Option<&str>, input: &str) -> String {
        let node = &cluster.nodes[index];
        let text = text
            .replace("/etc/holdfast", node.config_file().to_str().unwrap())
            .replace("/var/backups/holdfast", self.backups().to_str().unwrap())
            .replace("https://vault.example.com:8200", &self.source.0);
        let path = format!("{}:/usr/bin:/bin", self.folder.path().join("bin").display());
        let mut command = Command::new("timeout");
        command.args(["60", "bash", "-euc", &text]).current_dir(self.folder.path()).env_clear();
        command.env("PATH", path).env("HOME", self.folder.path()).env("VAULT_ADDR", node.url());
        command.envs(token.map(|token| ("VAULT_TOKEN", token))).env("HOLDFAST_IMPORT_TOKEN", &self.source.1);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        std::io::Write::write_all(&mut process.stdin.take().unwrap(), input.as_bytes()).unwrap();
        let ran = process.wait_with_output().unwrap();
        let (out, err) = (String::from_utf8(ran.stdout).unwrap(), String::from_utf8_lossy(&ran.stderr).into_owned());
        assert!(ran.status.success(), "{text}\n{out}\n{err}");
        out
    }

    /// Unseals as the page does, share by share.
    fn unseal(&self, cluster: &Cluster, index: usize) {
        let keys = cluster.keys.as_ref().unwrap();
        for key in &keys.unseal[..keys.threshold] {
            self.run("unseal", cluster, index, None, &format!("{key}\n"));
        }
    }
}

async fn with_data(size: usize, desk: &Desk) -> Cluster {
    let configured = Cluster::configured(size, Transport::Plain, &json!({ "snapshot_auto_folders": [desk.backups()] }));
    let cluster = configured.brought_up(3, 2).await;
    cluster.root(0).post("/v1/sys/mounts/kv", json!({ "type": "kv" })).await.ok();
    cluster.root(0).post("/v1/kv/a", json!({ "v": "1" })).await.ok();
    cluster
}

async fn shows(cluster: &Cluster, index: usize, wanted: &str) {
    let root = cluster.root(index);
    until(&format!("a should be {wanted}"), async || {
        (root.get("/v1/kv/a").await.body["data"]["v"] == wanted).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_and_restores() {
    let desk = Desk::new();
    let mut cluster = with_data(2, &desk).await;
    let (leader, root) = (cluster.leader().await, cluster.keys.as_ref().unwrap().root.clone());
    assert!(desk.run("backup", &cluster, leader, Some(&root), "").contains("Root Key ID"));
    desk.run("automated", &cluster, leader, Some(&root), "");
    until("a backup should lie there", async || {
        let made = fs::read_dir(desk.backups()).unwrap().count();
        let said = desk.run("automated-status", &cluster, leader, Some(&root), "");
        (made == 1 && said.contains("file://")).then_some(())
    })
    .await;

    cluster.root(leader).post("/v1/kv/a", json!({ "v": "2" })).await.ok();
    desk.run("restore", &cluster, leader, Some(&root), "");
    shows(&cluster, leader, "1").await;

    for node in &mut cluster.nodes {
        node.kill();
        fs::remove_dir_all(node.data()).unwrap();
        fs::create_dir_all(node.data()).unwrap();
    }
    cluster.nodes[0].start().await;
    desk.run("restore-all", &cluster, 0, None, "");
    desk.unseal(&cluster, 0);
    shows(&cluster, 0, "1").await;
    cluster.nodes[1].start().await;
    cluster.unseal(1).await;
    cluster.all_vote().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn seals_are_listed_added_and_removed() {
    let desk = Desk::new();
    let block = |name: &str, digit: &str| json!({ "static": { "name": name, "current_key_id": digit, "current_key": digit.repeat(64) } });
    let seals = json!({ "seal": [block("kms-a", "1"), block("kms-b", "2")] });
    let mut cluster = Cluster::configured(1, Transport::Plain, &seals);
    cluster.nodes[0].start().await;
    let asked = json!({ "recovery_shares": 1, "recovery_threshold": 1 });
    let made = cluster.nodes[0].client().post("/v1/sys/init", asked).await.ok();
    let root = made["root_token"].as_str().unwrap().to_owned();
    cluster.serves(0).await;
    let unseals = || {
        let listed = desk.run("seal-list", &cluster, 0, Some(&root), "");
        let line = listed.lines().find(|line| line.starts_with("kms-b")).unwrap().to_owned();
        line.split_whitespace().nth(2) == Some("true")
    };
    assert!(unseals());
    desk.run("seal-remove", &cluster, 0, Some(&root), "");
    assert!(!unseals());
    desk.run("seal-add", &cluster, 0, Some(&root), "");
    assert!(unseals());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_quorum() {
    let desk = Desk::new();
    let mut cluster = with_data(3, &desk).await;
    for node in &mut cluster.nodes {
        node.kill();
    }
    // As after all have stopped because no state was that of most of them.
    fs::write(cluster.nodes[0].data().join("diverged"), "it is not that of node2").unwrap();
    cluster.nodes[0].launch();
    assert!(!cluster.nodes[0].ended().await.success());
    assert!(cluster.nodes[0].log().contains("its state was not that of the others: it is not that of node2"));
    let survey = desk.run("survey", &cluster, 0, None, "");
    assert!(survey.contains("Log Ends At") && survey.contains("State Diverged"), "{survey}");
    assert!(desk.run("recover", &cluster, 0, None, "").contains("node2, node3"));
    cluster.nodes[0].start().await;
    desk.unseal(&cluster, 0);
    cluster.serves(0).await;
    shows(&cluster, 0, "1").await;
    assert!(desk.run("peers", &cluster, 0, Some(&cluster.keys.as_ref().unwrap().root), "").contains("node1"));
    for index in [1, 2] {
        fs::remove_dir_all(cluster.nodes[index].data()).unwrap();
        fs::create_dir_all(cluster.nodes[index].data()).unwrap();
        cluster.nodes[index].start().await;
        cluster.unseal(index).await;
    }
    cluster.all_vote().await;
    shows(&cluster, 2, "1").await;
    let root = cluster.keys.as_ref().unwrap().root.clone();
    let leader = cluster.leader().await;
    let said = desk.run("autopilot", &cluster, leader, Some(&root), "");
    assert!(said.contains("Failure Tolerance") && said.contains("is changed"), "{said}");
    desk.run("step-down", &cluster, leader, Some(&root), "");
    until("another node should be active", async || (cluster.leader().await != leader).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn coming_from_elsewhere() {
    let mut desk = Desk::new();
    let source = with_data(1, &desk).await;
    let target = Cluster::serving(1, Transport::Plain).await;
    desk.source = (source.nodes[0].url(), source.keys.as_ref().unwrap().root.clone());
    let root = target.keys.as_ref().unwrap().root.clone();
    assert!(desk.run("import-plan", &target, 0, Some(&root), "").contains("Nothing was changed"));
    assert_eq!(target.root(0).get("/v1/kv/a").await.status, 404);
    desk.run("import", &target, 0, Some(&root), "");
    shows(&target, 0, "1").await;
}

/// Each block goes on with what those before it have set.
#[tokio::test(flavor = "multi_thread")]
async fn an_application_logs_people_in() {
    let (desk, cluster) = (Desk::new(), Cluster::serving(1, Transport::Plain).await);
    let root = cluster.keys.as_ref().unwrap().root.clone();
    let run = |names: &[&str]| {
        let text: String = names.iter().map(|name| block("docs/OIDC.md", name)).collect();
        desk.run_text(&text, &cluster, 0, Some(&root), "")
    };
    let said = run(&["application", "login", "members", "identity-token"]);
    let line = said.lines().find(|line| line.contains("id_token")).unwrap_or_else(|| panic!("{said}"));
    let mut found = serde_json::Deserializer::from_str(&line[line.find('{').unwrap()..]).into_iter::<Value>();
    let tokens = found.next().unwrap().unwrap();
    let claims = tokens["id_token"].as_str().unwrap().split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!(claims["username"], "ann", "{claims}");
    assert!(said.contains("client_id") && said.contains("token"), "{said}");
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let application = cluster.nodes[0].client().with_header("Authorization", &bearer);
    let told = application.get("/v1/identity/oidc/provider/default/userinfo").await;
    assert_eq!((told.status, &told.body["username"]), (200, &json!("ann")), "{}", told.body);
}
