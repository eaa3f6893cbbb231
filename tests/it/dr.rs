//! DR replication between two real clusters: a copy is made, takes over, and the former primary comes back as a copy.

use holdfast_core::lifecycle::decode_token;
use serde_json::{Value, json};

use crate::harness::{Client, Cluster, Node, Transport, run_with, until};

const SECONDARY: &str = "/v1/sys/replication/dr/secondary";
const PRIMARY: &str = "/v1/sys/replication/dr/primary";

const FAILOVER: &str = r#"
path "sys/replication/dr/secondary/promote" { capabilities = ["update"] }
path "sys/replication/dr/secondary/update-primary" { capabilities = ["update"] }
"#;

async fn status(client: &Client) -> Value {
    client.get("/v1/sys/replication/dr/status").await.ok()["data"].clone()
}

/// An activation token of this primary.
async fn activation(primary: &Client, id: &str) -> String {
    let made = primary.post(&format!("{PRIMARY}/secondary-token"), json!({ "id": id })).await.ok();
    made["wrap_info"]["token"].as_str().unwrap().to_owned()
}

/// Returns once the copy has all that the primary has.
async fn in_step(copy: &Cluster, primary: &Cluster) {
    let (leader, of) = (copy.active_copy().await, primary.leader().await);
    until("the copy should be in step", async || {
        let (here, there) = (status(&copy.nodes[leader].client()).await, status(&primary.nodes[of].client()).await);
        let same = here["revision"] == there["revision"] && here["merkle_root"] == there["merkle_root"];
        (same && here["copy_state"] == "following").then_some(())
    })
    .await;
}

impl Cluster {
    /// Of a secondary.
    async fn active_copy(&self) -> usize {
        until("one node of the copy should be active", async || {
            for (index, node) in self.nodes.iter().enumerate() {
                let answer = node.client().try_send("GET", "/v1/sys/leader", None).await.ok()?;
                if answer.body["is_self"] == true {
                    return Some(index);
                }
            }
            None
        })
        .await
    }

    async fn all_are_copies(&self) {
        for node in &self.nodes {
            until(&format!("{} should be a node of a copy", node.name), async || {
                node.client().health().await.filter(|status| *status == 472)
            })
            .await;
        }
    }
}

/// Gives the shares to whoever answers there.
async fn operation_token(client: &Client, shares: &[String]) -> String {
    let place = format!("{SECONDARY}/generate-operation-token");
    let begun = client.post(&format!("{place}/attempt"), json!({})).await.ok();
    let mut last = Value::Null;
    for share in shares {
        let body = json!({ "key": share, "nonce": begun["nonce"] });
        last = client.post(&format!("{place}/update"), body).await.ok();
    }
    let token = decode_token(last["encoded_token"].as_str().unwrap(), begun["otp"].as_str().unwrap()).unwrap();
    token.expose().to_owned()
}

/// What a command prints that must succeed.
fn says(node: &Node, token: &str, line: &str) -> String {
    let arguments: Vec<&str> = line.split(' ').collect();
    let home = node.folder.to_str().unwrap();
    let ran = run_with(&arguments, &[("VAULT_ADDR", &node.url()), ("VAULT_TOKEN", token), ("HOME", home)], "");
    assert_eq!(ran.status, 0, "{line}: {ran:?}");
    ran.out
}

async fn following(primary: &Cluster, copy: &Cluster) {
    let west = primary.root(primary.leader().await);
    west.post(&format!("{PRIMARY}/enable"), json!({})).await.ok();
    let token = activation(&west, "east").await;
    // At a standby: it is the active node's to do.
    let at = copy.standbys().await.first().copied().unwrap_or(0);
    copy.root(at).post(&format!("{SECONDARY}/enable"), json!({ "token": token })).await.ok();
    copy.all_are_copies().await;
    in_step(copy, primary).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_takes_over_and_the_former_primary_comes_back_as_one() {
    let (primary, copy) = tokio::join!(Cluster::serving(1, Transport::Plain), Cluster::serving(3, Transport::Plain));
    let west = primary.root(0);
    west.post("/v1/sys/mounts/secret", json!({ "type": "kv" })).await.ok();
    west.post("/v1/secret/before", json!({ "value": "one" })).await.ok();
    west.post("/v1/sys/policies/acl/failover", json!({ "policy": FAILOVER })).await.ok();
    let asked = json!({ "type": "batch", "policies": ["failover"], "ttl": "1h" });
    let batch = west.post("/v1/auth/token/create-orphan", asked).await.ok()["auth"]["client_token"].clone();
    let service = west.post("/v1/auth/token/create", json!({ "policies": ["failover"], "ttl": "1h" })).await.ok();
    let short = west.post("/v1/auth/token/create", json!({ "policies": ["default"], "ttl": "5s" })).await.ok();
    following(&primary, &copy).await;
    west.post("/v1/secret/after", json!({ "value": "two" })).await.ok();
    in_step(&copy, &primary).await;

    // No node of the copy was sealed on the way, and none serves anything.
    let (leader, root) = (copy.active_copy().await, primary.keys.clone().unwrap().root);
    for node in &copy.nodes {
        assert_eq!(node.client().get("/v1/sys/seal-status").await.ok()["sealed"], false, "{}", node.name);
        let refused = node.client().with_token(&root).get("/v1/secret/before").await;
        assert_eq!((refused.status, refused.error()), (400, "path disabled in replication DR secondary mode"));
    }
    let standby = (0..3).find(|index| *index != leader).unwrap();
    let east = copy.nodes[standby].client();
    let promote = format!("{SECONDARY}/promote");
    let refused = east.post(&promote, json!({ "dr_operation_token": service["auth"]["client_token"] })).await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    east.post(&promote, json!({ "dr_operation_token": batch })).await.ok();
    copy.leader().await;

    // Tokens of before count, secrets are there, and it takes writes.
    let there = copy.nodes[copy.leader().await].client().with_token(&root);
    assert_eq!(there.get("/v1/secret/before").await.ok()["data"]["value"], "one");
    assert_eq!(there.get("/v1/secret/after").await.ok()["data"]["value"], "two");
    there.post("/v1/secret/later", json!({ "value": "three" })).await.ok();

    until("a token of before should be swept away in its time", async || {
        let accessors = there.list("/v1/auth/token/accessors").await.ok();
        let left = accessors["data"]["keys"].as_array()?.contains(&short["auth"]["accessor"]);
        (!left).then_some(())
    })
    .await;

    // The former primary hears of it by itself, and follows.
    primary.all_are_copies().await;
    assert_eq!(west.post("/v1/secret/split", json!({ "value": "brain" })).await.status, 400);
    in_step(&primary, &copy).await;
    let back = status(&primary.nodes[0].client()).await;
    assert_eq!((&back["mode"], &back["fenced"]), (&json!("secondary"), &json!(true)));
    let all = there.post("/v1/sys/replication/merkle-check", json!({})).await.ok()["data"]["records"].as_u64().unwrap();
    let difference = &back["last_difference"];
    let small = difference.is_null() || difference["fetched"].as_u64().unwrap() * 4 < all;
    assert!(small && all > 20, "it was not copied anew: {back} of {all}");

    // And back again, in good order.
    there.post("/v1/secret/last", json!({ "value": "four" })).await.ok();
    in_step(&primary, &copy).await;
    let token = operation_token(&primary.nodes[0].client(), &primary.keys.as_ref().unwrap().unseal[..2]).await;
    there.post(&format!("{PRIMARY}/demote"), json!({})).await.ok();
    primary.nodes[0].client().post(&promote, json!({ "dr_operation_token": token })).await.ok();
    primary.leader().await;
    assert_eq!(west.get("/v1/secret/last").await.ok()["data"]["value"], "four");
    west.post("/v1/secret/home", json!({ "value": "five" })).await.ok();
    in_step(&copy, &primary).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_unsealed_by_the_primarys_shares_and_operated_by_commands() {
    let (primary, mut copy) =
        tokio::join!(Cluster::serving(1, Transport::Plain), Cluster::serving(1, Transport::Plain));
    following(&primary, &copy).await;
    let own = copy.keys.clone().unwrap();
    copy.nodes[0].stop().await;
    copy.nodes[0].start().await;
    for key in &own.unseal[..own.threshold] {
        copy.nodes[0].client().post("/v1/sys/unseal", json!({ "key": key })).await;
    }
    assert_eq!(copy.nodes[0].client().get("/v1/sys/seal-status").await.ok()["sealed"], true, "its own shares are none");
    copy.nodes[0].client().post("/v1/sys/unseal", json!({ "reset": true })).await.ok();
    copy.keys = primary.keys.clone();
    copy.unseal(0).await;
    copy.all_are_copies().await;
    in_step(&copy, &primary).await;

    let shown = says(&copy.nodes[0], "", "operator dr status");
    assert!(shown.contains("following") && shown.contains("east"), "{shown}");
    let token = operation_token(&copy.nodes[0].client(), &primary.keys.as_ref().unwrap().unseal[..2]).await;

    // A revoked secondary is cut off.
    let root = primary.keys.as_ref().unwrap().root.clone();
    assert!(says(&primary.nodes[0], &root, "operator dr status").contains("east"));
    says(&primary.nodes[0], &root, "operator dr primary revoke-secondary east");
    until("the copy should know that it was cut off", async || {
        let copy = status(&copy.nodes[0].client()).await;
        (copy["copy_state"] != "following").then_some(())
    })
    .await;
    says(&copy.nodes[0], "", &format!("operator dr secondary disable -dr-token={token}"));
    copy.leader().await;
    assert!(says(&copy.nodes[0], "", "operator dr status").contains("disabled"));
    let mine = copy.nodes[0].client().with_token(&root);
    mine.post("/v1/sys/mounts/own", json!({ "type": "kv" })).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_finds_out_how_a_disaster_would_end_and_leaves_nothing_behind() {
    let primary = Cluster::serving(1, Transport::Plain).await;
    let (west, node) = (primary.root(0), &primary.nodes[0]);
    let token = primary.keys.clone().unwrap().root;
    west.post(&format!("{PRIMARY}/enable"), json!({})).await.ok();
    west.post("/v1/sys/mounts/secret", json!({ "type": "kv" })).await.ok();
    west.post("/v1/secret/before", json!({ "value": "one" })).await.ok();
    let report: Value = serde_json::from_str(&says(node, &token, "operator dr drill -format=json")).unwrap();
    assert_eq!((&report["hashes_equal"], &report["rpo_changes"]), (&json!(true), &json!(0)), "{report}");
    assert!(report["records"].as_u64().unwrap() > 10, "{report}");

    let after = status(&west).await;
    assert_eq!((&after["mode"], &after["known_secondaries"]), (&json!("primary"), &json!([])));
    let policies = west.list("/v1/sys/policies/acl").await.ok()["data"]["keys"].to_string();
    assert!(!policies.contains("drill"), "{policies}");
    west.post("/v1/secret/after", json!({ "value": "two" })).await.ok();
}

/// The drills' servers that run on this machine, by the folder of the drill.
fn scratch_servers(drill: u32) -> Vec<String> {
    let children = std::fs::read_to_string(format!("/proc/{drill}/task/{drill}/children")).unwrap_or_default();
    let waiting = std::fs::read_dir(format!("/proc/{drill}/task")).into_iter().flatten().flatten();
    let of_others = waiting.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let all: String = of_others.chain([children]).collect::<Vec<_>>().join(" ");
    all.split_whitespace().map(str::to_owned).collect()
}

fn runs(process: &str) -> bool {
    let about = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // A zombie has ended.
    about.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
}

/// A drill that is under way: its process, and that of its server.
async fn drilling(node: &Node, token: &str) -> (std::process::Child, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_holdfast"));
    command.args(["operator", "dr", "drill"]).env_clear();
    let home = node.folder.to_str().unwrap();
    command.env("VAULT_ADDR", node.url()).env("VAULT_TOKEN", token).env("HOME", home).env("TMPDIR", home);
    command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
    let drill = command.spawn().unwrap();
    let west = node.client();
    let server = until("the drill should have a server and a secondary", async || {
        let server = scratch_servers(drill.id()).first().cloned()?;
        let known = status(&west).await["known_secondaries"].to_string();
        known.contains("drill-").then_some(server)
    })
    .await;
    (drill, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_that_is_stopped_takes_back_what_it_made() {
    let primary = Cluster::serving(1, Transport::Plain).await;
    let (west, node) = (primary.root(0), &primary.nodes[0]);
    let token = primary.keys.clone().unwrap().root;
    west.post(&format!("{PRIMARY}/enable"), json!({})).await.ok();
    for signal in ["TERM", "HUP"] {
        let (mut drill, server) = drilling(node, &token).await;
        let folders = std::fs::read_dir(&node.folder).unwrap().flatten();
        let made = folders.filter(|entry| entry.file_name().to_string_lossy().starts_with("holdfast-drill-"));
        for folder in made {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        }
        signal_to(&drill.id().to_string(), signal);
        let ended = until("the drill should end", async || drill.try_wait().unwrap()).await;
        assert_eq!(ended.code(), Some(2), "{signal}");
        assert!(!runs(&server), "its server ends with it");
        assert_eq!(status(&west).await["known_secondaries"], json!([]));
        let policies = west.list("/v1/sys/policies/acl").await.ok()["data"]["keys"].to_string();
        assert!(!policies.contains("drill"), "{policies}");
        let left = std::fs::read_dir(&node.folder).unwrap().flatten();
        assert!(!left.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with("holdfast-drill-")));
    }

    // One that cannot do anything any more does not leave a server that has the keys.
    let (mut drill, server) = drilling(node, &token).await;
    drill.kill().unwrap();
    drill.wait().unwrap();
    until("its server should end", async || (!runs(&server)).then_some(())).await;
}

fn signal_to(process: &str, name: &str) {
    let sent = std::process::Command::new("kill").args([&format!("-{name}"), process]).status().unwrap();
    assert!(sent.success());
}

/// New shares by those that count.
async fn rekeyed(client: &Client, old: &[String]) -> Vec<String> {
    let asked = json!({ "secret_shares": 1, "secret_threshold": 1 });
    let begun = client.post("/v1/sys/rekey/init", asked).await.ok();
    let nonce = begun["nonce"].as_str().or(begun["data"]["nonce"].as_str()).unwrap().to_owned();
    let mut last = Value::Null;
    for key in old {
        last = client.post("/v1/sys/rekey/update", json!({ "key": key, "nonce": nonce })).await.ok();
    }
    let keys = last["keys_base64"].as_array().or(last["data"]["keys_base64"].as_array()).unwrap().clone();
    keys.iter().map(|key| key.as_str().unwrap().to_owned()).collect()
}

/// A node that asks to join, and has been found.
async fn joining(cluster: &mut Cluster, index: usize) {
    cluster.nodes[index].start().await;
    let client = cluster.nodes[index].client();
    until("it should have found the cluster", async || {
        let told = client.try_send("GET", "/v1/sys/seal-status", None).await.ok()?;
        (told.body["initialized"] == true).then_some(())
    })
    .await;
}

/// By that share, given once. On a busy machine the answer may come before the node is in.
async fn unseals_with(client: &Client, share: &str) {
    client.post("/v1/sys/unseal", json!({ "key": share })).await.ok();
    until("it should be unsealed", async || {
        let told = client.get("/v1/sys/seal-status").await.ok();
        (told["sealed"] == false).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_shares_let_a_new_node_in_at_once() {
    let mut cluster = Cluster::configured(2, Transport::Plain, &json!({}));
    cluster.nodes[0].start().await;
    cluster.initialise(1, 1).await;
    cluster.unseal(0).await;
    cluster.serves(0).await;
    let old = cluster.keys.clone().unwrap().unseal;
    let new = rekeyed(&cluster.root(0), &old).await;
    joining(&mut cluster, 1).await;
    let other = cluster.nodes[1].client();
    let refused = other.post("/v1/sys/unseal", json!({ "key": old[0] })).await;
    assert_eq!(refused.status, 400, "{}", refused.body);
    assert!(refused.error().contains("does not let this node in"), "{}", refused.body);
    unseals_with(&other, &new[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_new_shares_at_the_primary_a_node_joins_the_promoted_copy_by_the_shares_of_before() {
    let mut primary = Cluster::configured(1, Transport::Plain, &json!({}));
    let mut copy = Cluster::configured(2, Transport::Plain, &json!({}));
    for cluster in [&mut primary, &mut copy] {
        cluster.nodes[0].start().await;
        cluster.initialise(1, 1).await;
        cluster.unseal(0).await;
        cluster.serves(0).await;
    }
    let west = primary.root(0);
    west.post(&format!("{PRIMARY}/enable"), json!({})).await.ok();
    let token = activation(&west, "east").await;
    copy.root(0).post(&format!("{SECONDARY}/enable"), json!({ "token": token })).await.ok();
    let east = copy.nodes[0].client();
    until("the copy should follow", async || (status(&east).await["copy_state"] == "following").then_some(())).await;
    let old = primary.keys.clone().unwrap().unseal;
    rekeyed(&west, &old).await;
    until("the copy should have the primary's new keyring", async || {
        let (here, there) = (status(&east).await, status(&west).await);
        (here["revision"] == there["revision"]).then_some(())
    })
    .await;
    let operating = operation_token(&east, &old).await;
    primary.nodes[0].kill();
    east.post(&format!("{SECONDARY}/promote"), json!({ "dr_operation_token": operating, "force": true })).await.ok();

    joining(&mut copy, 1).await;
    unseals_with(&copy.nodes[1].client(), &old[0]).await;
}
