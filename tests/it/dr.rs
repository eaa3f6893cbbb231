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
