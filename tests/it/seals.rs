//! Seals that speak to something: a transit engine, which a cluster of its own serves, and a device.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Certificates, Client, Cluster, ELSEWHERE, Keys, Transport, run_with, until};
use crate::secrecy::{files, holds};

/// A key service: a cluster of one with a transit engine, and what a seal needs there.
pub struct Kms {
    pub cluster: Cluster,
    pub token: String,
}

impl Kms {
    pub async fn start(transport: Transport) -> Kms {
        let cluster = Cluster::serving(1, transport).await;
        let root = cluster.root(0);
        root.post("/v1/sys/mounts/transit", json!({ "type": "transit" })).await.ok();
        root.post("/v1/transit/keys/unseal", json!({})).await.ok();
        let policy = "path \"transit/encrypt/unseal\" { capabilities = [\"update\"] }
            path \"transit/decrypt/unseal\" { capabilities = [\"update\"] }";
        root.post("/v1/sys/policies/acl/unseal", json!({ "policy": policy })).await.ok();
        let token = json!({ "policies": ["unseal"], "period": "20s" });
        let made = root.post("/v1/auth/token/create-orphan", token).await.ok();
        let token = made["auth"]["client_token"].as_str().unwrap().to_owned();
        Kms { cluster, token }
    }

    /// The block of a configuration.
    fn block(&self, more: &Value) -> Value {
        let mut transit = json!({
            "address": self.cluster.nodes[0].url(),
            "token": self.token,
            "key_name": "unseal",
            "mount_path": "transit/",
        });
        if let Some(ca) = self.cluster.ca() {
            transit["tls_ca_cert"] = ca.to_str().into();
        }
        for (key, value) in more.as_object().into_iter().flatten() {
            transit[key] = value.clone();
        }
        json!({ "transit": transit })
    }

    /// The keys that are wrapped in what lies in this folder: the root key, and the join key.
    async fn opened(&self, folder: &Path) -> Vec<Vec<u8>> {
        let mark = hex::encode("vault:v1:").into_bytes();
        let mut wraps = BTreeSet::new();
        for file in files(folder) {
            let held = fs::read(file).unwrap();
            for at in memchr::memmem::find_iter(&held, &mark) {
                let digits: Vec<u8> = held[at..].iter().copied().take_while(u8::is_ascii_hexdigit).collect();
                wraps.extend(hex::decode(digits).ok().and_then(|text| String::from_utf8(text).ok()));
            }
        }
        let mut keys = BTreeSet::new();
        for ciphertext in wraps {
            let path = "/v1/transit/decrypt/unseal";
            let answer = self.cluster.root(0).post(path, json!({ "ciphertext": ciphertext })).await;
            // Some records are cut where a file's block ends.
            let Some(plain) = answer.body["data"]["plaintext"].as_str() else { continue };
            keys.extend(BASE64_STANDARD.decode(plain).unwrap().get(32..).map(<[u8]>::to_vec));
        }
        assert!(keys.len() >= 2 && keys.iter().all(|key| key.len() == 32), "{}", keys.len());
        keys.into_iter().collect()
    }

    pub fn vanish(&mut self) {
        self.cluster.nodes[0].kill();
    }

    pub async fn come_back(&mut self) {
        self.cluster.nodes[0].start().await;
        self.cluster.unseal(0).await;
        self.cluster.serves(0).await;
    }
}

/// A file that holds these bytes: as they are, in hexadecimal, or in base64.
pub fn found(folder: &Path, bytes: &[u8]) -> Option<PathBuf> {
    let forms = [bytes.to_vec(), hex::encode(bytes).into_bytes(), BASE64_STANDARD.encode(bytes).into_bytes()];
    let holds = |file: &PathBuf| {
        let held = fs::read(file).unwrap();
        forms.iter().any(|form| memchr::memmem::find(&held, form).is_some())
    };
    files(folder).into_iter().find(holds)
}

/// Founds a cluster that unseals by itself, on the first node.
async fn founded(cluster: &mut Cluster) {
    cluster.nodes[0].start().await;
    let asked = json!({ "recovery_shares": 2, "recovery_threshold": 2 });
    let made = cluster.nodes[0].client().post("/v1/sys/init", asked).await.ok();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    cluster.keys = Some(Keys {
        unseal: made["recovery_keys_base64"].as_array().unwrap().iter().map(text).collect(),
        threshold: 2,
        root: text(&made["root_token"]),
    });
    cluster.serves(0).await;
}

async fn status(cluster: &Cluster, index: usize) -> Value {
    cluster.nodes[index].client().get("/v1/sys/seal-status").await.ok()
}

async fn until_status(cluster: &Cluster, index: usize, field: &str, wanted: Value) {
    until(&format!("{field} should be {wanted}"), async || {
        (status(cluster, index).await[field] == wanted).then_some(())
    })
    .await;
}

async fn until_healthy(cluster: &Cluster, index: usize, wanted: bool) {
    until(&format!("the seal should be healthy: {wanted}"), async || {
        let answer = cluster.nodes[index].client().get("/v1/sys/seal-backend-status").await.ok();
        assert_eq!(answer["unhealthy_since"].is_string(), answer["healthy"] == json!(false));
        (answer["healthy"] == json!(wanted)).then_some(())
    })
    .await;
}

async fn writes(root: &Client, value: &str) {
    root.post("/v1/kv/a", json!({ "v": value })).await.ok();
    assert_eq!(root.get("/v1/kv/a").await.ok()["data"]["v"], value);
}

async fn give(cluster: &Cluster, index: usize, migrate: bool) {
    let client = cluster.nodes[index].client();
    for key in &cluster.keys.as_ref().unwrap().unseal {
        client.post("/v1/sys/unseal", json!({ "key": key, "migrate": migrate })).await.ok();
    }
    cluster.serves(index).await;
}

async fn seals(cluster: &Cluster) -> Vec<(String, bool)> {
    let answer = cluster.root(cluster.leader().await).get("/v1/sys/seals").await.ok();
    let mut seals: Vec<(String, bool)> = answer["data"]["seals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|seal| (seal["name"].as_str().unwrap().to_owned(), seal["wrapped"].as_bool().unwrap()))
        .collect();
    seals.sort();
    seals
}

fn named(seals: &[(&str, bool)]) -> Vec<(String, bool)> {
    seals.iter().map(|(name, wrapped)| ((*name).to_owned(), *wrapped)).collect()
}

async fn restarted(cluster: &mut Cluster, index: usize, more: &Value) {
    cluster.nodes[index].kill();
    cluster.configure(index, more);
    cluster.nodes[index].start().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_service_may_come_and_go() {
    let mut kms = Kms::start(Transport::Tls).await;
    let block = kms.block(&json!({ "tls_server_name": ELSEWHERE }));
    let more = json!({ "seal": [block], "log_level": "debug", "telemetry": { "prometheus_retention_time": "1m" } });
    let mut cluster = Cluster::configured(2, Transport::Plain, &more);
    founded(&mut cluster).await;
    cluster.nodes[1].start().await;
    cluster.serves(1).await;
    cluster.all_vote().await;
    let shown = status(&cluster, 1).await;
    assert_eq!((&shown["type"], &shown["recovery_seal"]), (&json!("transit"), &json!(true)));
    let root = cluster.root(0);
    root.post("/v1/sys/mounts/kv", json!({ "type": "kv" })).await.ok();
    writes(&root, "canary-of-the-seal").await;

    // Unsealed at start; the service away while it runs.
    cluster.nodes[1].stop().await;
    cluster.nodes[1].start().await;
    cluster.serves(1).await;
    until_healthy(&cluster, 1, true).await;
    kms.vanish();
    for index in 0..2 {
        until_healthy(&cluster, index, false).await;
    }
    let root = cluster.root(cluster.leader().await);
    writes(&root, "canary-of-the-seal").await;
    let metrics = root.get("/v1/sys/metrics?format=prometheus").await.body;
    assert!(metrics.as_str().unwrap().contains("holdfast_seal_healthy{seal=\"transit\"} 0"), "{metrics}");
    let listed = root.get("/v1/sys/seals").await.ok();
    assert_eq!(listed["data"]["seals"][0]["healthy"], json!(false));
    assert!(listed["data"]["seals"][0]["problem"].is_string());

    // Away at start, and back.
    cluster.nodes[1].kill();
    cluster.nodes[1].start().await;
    until("it should have tried", async || {
        cluster.nodes[1].log().contains("the node did not unseal itself").then_some(())
    })
    .await;
    assert_eq!(status(&cluster, 1).await["sealed"], json!(true));
    assert_eq!(cluster.nodes[1].client().health().await, Some(503));
    kms.come_back().await;
    cluster.serves(1).await;
    until_healthy(&cluster, 0, true).await;

    // Its token lives on, although nobody but the nodes renews it.
    let own = kms.cluster.nodes[0].client().with_token(&kms.token);
    let made = own.get("/v1/auth/token/lookup-self").await.ok();
    assert!(made["data"]["last_renewal_time"].as_u64().is_some_and(|at| at > 0), "{made}");

    for node in &mut cluster.nodes {
        node.stop().await;
    }
    let keys = cluster.keys.as_ref().unwrap();
    let texts = [&*kms.token, &keys.root, &keys.unseal[0], &keys.unseal[1], "canary-of-the-seal"];
    let mut secrets: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    secrets.extend(keys.unseal.iter().map(|share| BASE64_STANDARD.decode(share).unwrap()));
    secrets.extend(kms.opened(&cluster.nodes[0].data()).await);
    for node in &cluster.nodes {
        let data = files(&node.data());
        assert!(data.len() > 5, "the data folder was searched: {data:?}");
        for secret in &secrets {
            assert_eq!(found(&node.data(), secret), None, "{} holds {}", node.name, String::from_utf8_lossy(secret));
        }
        for text in texts {
            assert!(!node.log().contains(text), "the log of {} holds {text}", node.name);
        }
        assert!(data.iter().any(|file| holds(file, "transit/unseal")), "the search would have found something");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_keys_unseal_when_the_key_service_is_gone_for_good() {
    let mut kms = Kms::start(Transport::Plain).await;
    let more = json!({ "seal": [kms.block(&json!({}))] });
    let mut cluster = Cluster::configured(1, Transport::Plain, &more);
    founded(&mut cluster).await;
    cluster.root(0).post("/v1/sys/mounts/kv", json!({ "type": "kv" })).await.ok();
    writes(&cluster.root(0), "kept").await;
    kms.vanish();
    fs::remove_dir_all(kms.cluster.nodes[0].data()).unwrap();
    cluster.nodes[0].kill();
    cluster.nodes[0].start().await;
    assert_eq!(status(&cluster, 0).await["sealed"], json!(true));

    let address = cluster.nodes[0].url();
    for key in &cluster.keys.as_ref().unwrap().unseal {
        let ran = run_with(&["operator", "unseal", "-"], &[("VAULT_ADDR", &address)], key);
        assert_eq!(ran.status, 0, "{ran:?}");
    }
    cluster.serves(0).await;
    assert_eq!(cluster.root(0).get("/v1/kv/a").await.ok()["data"]["v"], "kept");

    // With another service the cluster unseals by itself again.
    let other = Kms::start(Transport::Plain).await;
    let blocks = json!([kms.block(&json!({ "disabled": "true" })), other.block(&json!({ "name": "other" }))]);
    restarted(&mut cluster, 0, &json!({ "seal": blocks })).await;
    assert_eq!(status(&cluster, 0).await["migration"], json!(true));
    give(&cluster, 0, true).await;
    until_status(&cluster, 0, "migration", json!(false)).await;
    assert_eq!(seals(&cluster).await, named(&[("other", true), ("shamir", true), ("transit", false)]));
    restarted(&mut cluster, 0, &json!({ "seal": [other.block(&json!({ "name": "other" }))] })).await;
    cluster.serves(0).await;
    writes(&cluster.root(0), "after").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_shares_to_a_key_service_and_back_node_by_node() {
    let kms = Kms::start(Transport::Plain).await;
    let cluster = Cluster::serving(2, Transport::Plain).await;
    let cluster = there_and_back(cluster, "transit", |more| kms.block(more)).await;
    drop(kms);
    without_the_seal(cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_shares_to_a_device_and_back() {
    let device = Device::make();
    let mut cluster = Cluster::configured(1, Transport::Plain, &json!({}));
    device.is_found_by(&mut cluster);
    let cluster = there_and_back(cluster.brought_up(2, 2).await, "pkcs11", Device::block).await;
    assert_eq!(found(&cluster.nodes[0].data(), b"holdfast-pin-4321"), None);
    drop(device);
    without_the_seal(cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_shares_to_a_static_key_and_back() {
    let cluster = there_and_back(Cluster::serving(1, Transport::Plain).await, "static", fixed).await;
    assert_eq!(found(&cluster.nodes[0].data(), &STATIC_KEY), None);
    without_the_seal(cluster).await;
}

/// Goes over to a seal of that kind and back to shares.
async fn there_and_back(mut cluster: Cluster, kind: &str, block: impl Fn(&Value) -> Value) -> Cluster {
    let keys = cluster.keys.as_mut().unwrap();
    keys.unseal.truncate(keys.threshold);
    cluster.root(cluster.leader().await).post("/v1/sys/mounts/kv", json!({ "type": "kv" })).await.ok();

    let leader = cluster.leader().await;
    let order: Vec<usize> = (0..cluster.nodes.len()).filter(|index| *index != leader).chain([leader]).collect();
    let to = json!({ "seal": [block(&json!({}))] });
    for &index in &order {
        restarted(&mut cluster, index, &to).await;
        let client = cluster.nodes[index].client();
        until_status(&cluster, index, "migration", json!(true)).await;
        let key = &cluster.keys.as_ref().unwrap().unseal[0];
        let refused = client.post("/v1/sys/unseal", json!({ "key": key })).await;
        assert_eq!(refused.status, 400);
        assert!(refused.error().contains("seal migration is pending"), "{refused:?}");
        give(&cluster, index, true).await;
    }
    for &index in &order {
        until_status(&cluster, index, "migration", json!(false)).await;
        until_status(&cluster, index, "type", json!(kind)).await;
    }
    restarted(&mut cluster, leader, &to).await;
    cluster.serves(leader).await;
    writes(&cluster.root(cluster.leader().await), "between").await;

    let leader = cluster.leader().await;
    let order: Vec<usize> = (0..cluster.nodes.len()).filter(|index| *index != leader).chain([leader]).collect();
    let back = json!({ "seal": [block(&json!({ "disabled": "true" }))] });
    for &index in &order {
        restarted(&mut cluster, index, &back).await;
        until_status(&cluster, index, "migration", json!(true)).await;
        give(&cluster, index, true).await;
    }
    for &index in &order {
        until_status(&cluster, index, "type", json!("shamir")).await;
        until_status(&cluster, index, "migration", json!(false)).await;
    }
    let mut left = [(kind, false), ("shamir", true)];
    left.sort_unstable();
    assert_eq!(seals(&cluster).await, named(&left));
    cluster
}

/// The seal is gone, from the configuration too: shares are all it takes.
async fn without_the_seal(mut cluster: Cluster) {
    for node in &mut cluster.nodes {
        node.kill();
    }
    for index in 0..cluster.nodes.len() {
        cluster.configure(index, &json!({}));
        cluster.nodes[index].start().await;
        assert_eq!(status(&cluster, index).await["sealed"], json!(true));
    }
    for index in 0..cluster.nodes.len() {
        cluster.unseal(index).await;
        cluster.serves(index).await;
    }
    assert_eq!(cluster.root(0).get("/v1/kv/a").await.ok()["data"]["v"], "between");
}

const STATIC_KEY: [u8; 32] = [0xa7; 32];

fn fixed(more: &Value) -> Value {
    let mut block = json!({ "current_key_id": "one", "current_key": hex::encode(STATIC_KEY) });
    for (key, value) in more.as_object().into_iter().flatten() {
        block[key] = value.clone();
    }
    json!({ "static": block })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_service_that_cannot_prove_who_it_is_gets_nothing() {
    let kms = Kms::start(Transport::Tls).await;
    let folder = tempfile::tempdir().unwrap();
    let other = Certificates::make(folder.path());
    for wrong in [json!({ "tls_ca_cert": other.ca }), json!({ "tls_server_name": "other.holdfast.invalid" })] {
        let more = json!({ "seal": [kms.block(&wrong)] });
        let mut cluster = Cluster::configured(1, Transport::Plain, &more);
        cluster.nodes[0].start().await;
        let asked = json!({ "recovery_shares": 1, "recovery_threshold": 1 });
        let refused = cluster.nodes[0].client().post("/v1/sys/init", asked).await;
        assert!(refused.status >= 400 && refused.error().contains("certificate"), "{refused:?}");
        assert!(!cluster.nodes[0].log().contains(&kms.token));
    }
    let root = kms.cluster.root(0);
    let own = json!({ "token": kms.token });
    let known = root.post("/v1/auth/token/lookup", own).await.ok();
    assert_eq!(known["data"]["last_renewal_time"], Value::Null, "nobody has shown the token");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_key_services_side_by_side() {
    let (mut a, mut b) = (Kms::start(Transport::Plain).await, Kms::start(Transport::Plain).await);
    let one = json!({ "seal": [a.block(&json!({ "name": "a" }))] });
    let folder = tempfile::tempdir().unwrap();
    let audit = folder.path().join("audit.log");
    let both = json!({
        "seal": [a.block(&json!({ "name": "a" })), b.block(&json!({ "name": "b", "priority": "2" }))],
        "audit": [{ "file": { "log": { "options": { "file_path": audit } } } }],
    });
    let mut cluster = Cluster::configured(1, Transport::Plain, &one);
    founded(&mut cluster).await;
    let cli = |cluster: &Cluster, line: &str| {
        let arguments: Vec<&str> = line.split(' ').collect();
        let (address, token) = (cluster.nodes[0].url(), cluster.keys.as_ref().unwrap().root.clone());
        run_with(&arguments, &[("VAULT_ADDR", &address), ("VAULT_TOKEN", &token)], "")
    };
    let refused = cli(&cluster, "operator seal add b");
    assert!(refused.status == 2 && refused.err.contains("has no seal \"b\""), "{refused:?}");
    let refused = cli(&cluster, "operator seal remove a");
    assert!(refused.status == 2 && refused.err.contains("the last seal"), "{refused:?}");

    // The second one comes in by itself, or at once by request.
    restarted(&mut cluster, 0, &both).await;
    cluster.serves(0).await;
    assert_eq!(cli(&cluster, "operator seal add b").status, 0);
    assert_eq!(seals(&cluster).await, named(&[("a", true), ("b", true), ("shamir", true)]));
    let listed = cli(&cluster, "operator seal list");
    assert!(listed.out.lines().any(|line| line.starts_with('a') && line.contains("transit")), "{listed:?}");

    for gone in [&mut a, &mut b] {
        gone.vanish();
        restarted(&mut cluster, 0, &both).await;
        cluster.serves(0).await;
        gone.come_back().await;
    }

    // A key is rotated while serving; its old version can go.
    let rotated = |cluster: &Cluster| cluster.nodes[0].log().matches("the root key was wrapped by a seal").count();
    let before = rotated(&cluster);
    a.cluster.root(0).post("/v1/transit/keys/unseal/rotate", json!({})).await.ok();
    until("the root key should be wrapped anew", async || (rotated(&cluster) > before).then_some(())).await;
    let config = json!({ "min_decryption_version": 2 });
    a.cluster.root(0).post("/v1/transit/keys/unseal/config", config).await.ok();
    b.vanish();
    restarted(&mut cluster, 0, &both).await;
    cluster.serves(0).await;

    // What remains has to open before the other goes.
    let refused = cli(&cluster, "operator seal remove a");
    assert!(refused.status == 2 && refused.err.contains("none of the seals that remain"), "{refused:?}");
    b.come_back().await;
    assert_eq!(cli(&cluster, "operator seal remove a").status, 0);
    assert_eq!(seals(&cluster).await, named(&[("a", false), ("b", true), ("shamir", true)]));
    let mut told: Vec<Value> = fs::read_to_string(&audit)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|entry| entry["request"]["path"] == "seal-wraps")
        .map(|entry| json!([entry["request"]["data"]["made"], entry["request"]["data"]["taken"]]))
        .collect();
    // By itself and by request.
    if told.len() > 1 && told[0] == told[1] {
        told.remove(0);
    }
    assert_eq!(
        told,
        [json!([["b"], []]), json!([["a"], []]), json!([[], ["a"]])],
        "each once: nothing is written again and again"
    );
    a.vanish();
    restarted(&mut cluster, 0, &json!({ "seal": [b.block(&json!({ "name": "b" }))] })).await;
    cluster.serves(0).await;
}

/// A token in SoftHSM, and the command line's beginning that a process finds it by.
struct Device {
    folder: TempDir,
}

impl Device {
    const LIBRARY: &str = "/usr/lib/softhsm/libsofthsm2.so";

    fn make() -> Device {
        let folder = TempDir::with_prefix("holdfast-device-").unwrap();
        fs::create_dir(folder.path().join("tokens")).unwrap();
        let device = Device { folder };
        let text = format!("directories.tokendir = {}\n", device.tokens().display());
        fs::write(device.folder.path().join("softhsm2.conf"), text).unwrap();
        device.run("softhsm2-util --init-token --free --label main --pin holdfast-pin-4321 --so-pin 1234");
        let tool = format!("pkcs11-tool --module {} --token-label main --login --pin holdfast-pin-4321", Self::LIBRARY);
        device.run(&format!("{tool} --keygen --key-type aes:32 --label unseal"));
        device
    }

    fn tokens(&self) -> PathBuf {
        self.folder.path().join("tokens")
    }

    fn variable(&self) -> String {
        format!("SOFTHSM2_CONF={}", self.folder.path().join("softhsm2.conf").display())
    }

    fn run(&self, line: &str) {
        let ran = Command::new("env").arg(self.variable()).args(line.split(' ')).output().unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{line}: {said} (scripts/needs installs what it takes: need_softhsm)");
    }

    fn is_found_by(&self, cluster: &mut Cluster) {
        for node in &mut cluster.nodes {
            let program = node.program[0].clone();
            node.program = vec!["env".to_owned(), self.variable(), program];
        }
    }

    fn block(more: &Value) -> Value {
        let mut block =
            json!({ "lib": Self::LIBRARY, "token_label": "main", "pin": "holdfast-pin-4321", "key_label": "unseal" });
        for (key, value) in more.as_object().into_iter().flatten() {
            block[key] = value.clone();
        }
        json!({ "pkcs11": block })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_may_come_and_go() {
    let device = Device::make();
    let more = json!({ "seal": [Device::block(&json!({}))], "log_level": "debug" });
    let mut cluster = Cluster::configured(1, Transport::Plain, &more);
    device.is_found_by(&mut cluster);
    founded(&mut cluster).await;
    assert_eq!(status(&cluster, 0).await["type"], json!("pkcs11"));
    let root = cluster.root(0);
    root.post("/v1/sys/mounts/kv", json!({ "type": "kv" })).await.ok();
    writes(&root, "kept").await;
    restarted(&mut cluster, 0, &more).await;
    cluster.serves(0).await;

    // Gone while it runs, and when it starts.
    let away = device.folder.path().join("away");
    let exchange = |from: &Path, to: &Path| fs::rename(from, to).unwrap();
    exchange(&device.tokens(), &away);
    fs::create_dir(device.tokens()).unwrap();
    until_healthy(&cluster, 0, false).await;
    writes(&cluster.root(0), "kept").await;
    restarted(&mut cluster, 0, &more).await;
    until("it should have tried", async || {
        cluster.nodes[0].log().contains("the node did not unseal itself").then_some(())
    })
    .await;
    assert_eq!(status(&cluster, 0).await["sealed"], json!(true));
    fs::remove_dir_all(device.tokens()).unwrap();
    exchange(&away, &device.tokens());
    cluster.serves(0).await;
    until_healthy(&cluster, 0, true).await;

    // Another key in it.
    let tool = format!("pkcs11-tool --module {} --token-label main --login --pin holdfast-pin-4321", Device::LIBRARY);
    device.run(&format!("{tool} --keygen --key-type aes:32 --label next"));
    restarted(&mut cluster, 0, &json!({ "seal": [Device::block(&json!({ "key_label": "next" }))] })).await;
    cluster.serves(0).await;
    let by = async |root: Client| root.get("/v1/sys/seals").await.ok()["data"]["seals"][0]["key_id"].clone();
    assert_eq!(by(cluster.root(0)).await, "label=unseal", "another key may be the later one");
    cluster.root(0).post("/v1/sys/seals/pkcs11", json!({})).await.ok();
    assert_eq!(by(cluster.root(0)).await, "label=next");
    device.run(&format!("{tool} --delete-object --type secrkey --label unseal"));
    restarted(&mut cluster, 0, &json!({ "seal": [Device::block(&json!({ "key_label": "next" }))] })).await;
    cluster.serves(0).await;

    // The device is broken: the recovery keys unseal. Back to shares, without it.
    fs::remove_dir_all(device.tokens()).unwrap();
    restarted(&mut cluster, 0, &more).await;
    give(&cluster, 0, false).await;
    assert_eq!(cluster.root(0).get("/v1/kv/a").await.ok()["data"]["v"], "kept");
    restarted(&mut cluster, 0, &json!({ "seal": [Device::block(&json!({ "disabled": true }))] })).await;
    give(&cluster, 0, true).await;
    until_status(&cluster, 0, "type", json!("shamir")).await;
    assert_eq!(seals(&cluster).await, named(&[("pkcs11", false), ("shamir", true)]));
}
