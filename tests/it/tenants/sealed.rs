//! A namespace with a seal of its own, in a cluster of three.

use std::fs;

use memchr::memmem;
use serde_json::{Value, json};

use crate::harness::{Client, Cluster, Transport, until};
use crate::secrecy::files;

const TREASURE: &str = "a-treasure-of-91c7";

struct Vault {
    cluster: Cluster,
    shares: Vec<String>,
}

fn shares_of(made: &Value) -> Vec<String> {
    made["data"]["key_shares"].as_array().unwrap().iter().map(|share| share.as_str().unwrap().to_owned()).collect()
}

impl Vault {
    /// `vault`, which is open and holds something, beside `open`, which has no seal of its own.
    async fn new() -> Vault {
        let cluster = Cluster::serving(3, Transport::Plain).await;
        let root = cluster.root(cluster.leader().await);
        let seal = json!({"seal": "seal \"shamir\" { shares = 3 threshold = 2 }"});
        let made = root.post("/v1/sys/namespaces/vault", seal).await.ok();
        root.post("/v1/sys/namespaces/open", json!({})).await.ok();
        let vault = Vault { shares: shares_of(&made), cluster };
        assert_eq!(vault.shares.len(), 3);
        vault.unseal(&vault.shares).await;
        for namespace in ["vault", "open"] {
            let inside = root.within(namespace);
            inside.post("/v1/sys/mounts/kv", json!({"type": "kv"})).await.ok();
            inside.post("/v1/kv/x", json!({"v": TREASURE})).await.ok();
            inside.post("/v1/sys/namespaces/inner", json!({})).await.ok();
        }
        vault
    }

    fn roots(&self) -> Vec<Client> {
        (0..3).map(|index| self.cluster.root(index)).collect()
    }

    /// Gives two shares, each to another node, neither of them the active one.
    async fn give(&self, shares: &[String]) -> u16 {
        let standbys = self.cluster.standbys().await;
        let mut last = 0;
        for (share, index) in shares.iter().take(2).zip(standbys) {
            let answer = self.cluster.root(index).post("/v1/sys/namespaces/vault/unseal", json!({"key": share})).await;
            last = answer.status;
        }
        last
    }

    async fn unseal(&self, shares: &[String]) {
        assert_eq!(self.give(shares).await, 200);
        self.is_open().await;
    }

    async fn is_open(&self) {
        for root in self.roots() {
            until("the namespace should be served", async || {
                (root.within("vault").get("/v1/sys/mounts").await.status == 200).then_some(())
            })
            .await;
        }
    }

    /// At once, on all nodes, while the rest goes on.
    async fn is_sealed(&self) {
        for root in self.roots() {
            let answer = root.within("vault").get("/v1/sys/mounts").await;
            assert_eq!((answer.status, answer.error()), (503, "namespace is sealed"), "{}", answer.body);
            let status = root.get("/v1/sys/namespaces/vault/seal-status").await.ok();
            assert_eq!(status["data"]["sealed"], true, "{status}");
            assert_eq!(root.within("open").get("/v1/sys/mounts").await.status, 200);
            let all = root.send("SCAN", "/v1/sys/namespaces", None).await.ok();
            let keys = all["data"]["keys"].as_array().expect("a scan answers keys");
            assert!(["open/", "open/inner/"].iter().all(|open| keys.contains(&json!(open))), "{all}");
        }
    }

    async fn seal(&self, index: usize) -> String {
        let answer = self.cluster.root(index).post("/v1/sys/namespaces/vault/seal", json!({})).await;
        assert_eq!(answer.status, 204, "{}", answer.body);
        answer.headers["x-vault-index"].to_str().unwrap().to_owned()
    }

    async fn accessors(&self, namespace: &str) -> usize {
        let root = self.cluster.root(self.cluster.leader().await).within(namespace);
        root.list("/v1/auth/token/accessors").await.body["data"]["keys"].as_array().map_or(0, Vec::len)
    }

    async fn stop_all(&mut self) {
        for node in &mut self.cluster.nodes {
            node.stop().await;
        }
    }

    async fn start_all(&mut self) {
        for node in &mut self.cluster.nodes {
            node.start().await;
        }
        for index in 0..3 {
            self.cluster.unseal(index).await;
        }
        self.cluster.leader().await;
        for index in 0..3 {
            self.cluster.serves(index).await;
        }
    }

    async fn is_gone(&self, name: &str) {
        let root = self.cluster.root(self.cluster.standbys().await[0]);
        until("the namespace should be gone", async || {
            (root.get(&format!("/v1/sys/namespaces/{name}")).await.status == 404).then_some(())
        })
        .await;
    }

    async fn step_down(&self) {
        let leader = self.cluster.leader().await;
        self.cluster.root(leader).post("/v1/sys/step-down", json!({})).await;
        until("another node should lead", async || (self.cluster.leader().await != leader).then_some(())).await;
        for index in 0..3 {
            self.cluster.serves(index).await;
        }
    }
}

async fn token_in(root: &Client, namespace: &str, ttl: &str) -> String {
    let made = root.within(namespace).post("/v1/auth/token/create-orphan", json!({"ttl": ttl})).await.ok();
    made["auth"]["client_token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_through_one_node_it_is_sealed_on_all_from_that_revision_on() {
    let vault = Vault::new().await;
    let standbys = vault.cluster.standbys().await;
    let root = vault.cluster.root(standbys[0]);
    let token = token_in(&root, "vault", "1h").await;
    let mut overdue = Vec::new();
    for _ in 0..20 {
        overdue.push(token_in(&root, "vault", "2s").await);
    }
    token_in(&root, "open", "2s").await;
    assert_eq!(vault.accessors("open").await, 1);

    for round in 0..5 {
        let index = vault.seal(round % 3).await;
        for (n, root) in vault.roots().into_iter().enumerate() {
            let what = format!("node {n}, round {round}");
            let then = root.with_header("X-Vault-Index", &index);
            for path in ["/v1/kv/x", "/v1/sys/mounts", "/v1/sys/policies/acl/default", "/v1/identity/entity/id"] {
                let answer = then.within("vault").get(path).await;
                assert_eq!(answer.status, 503, "{what}: {path}: {}", answer.body);
                let answer = then.get(&path.replace("/v1/", "/v1/vault/")).await;
                assert_eq!(answer.status, 503, "{what}: by path: {path}: {}", answer.body);
            }
            let stale = then.within("vault").with_header("X-Holdfast-Consistency", "stale").get("/v1/kv/x").await;
            assert_eq!(stale.status, 503, "{what}: {}", stale.body);
            // A token of it counts nowhere meanwhile.
            let own = vault.cluster.nodes[n].client().with_token(&token);
            assert_eq!(own.get("/v1/auth/token/lookup-self").await.status, 503, "{what}");
            let login = own.within("vault").post("/v1/kv/x", json!({"v": "late"})).await;
            assert_eq!(login.status, 503, "{what}");
            let other = then.within("open").get("/v1/kv/x").await.ok();
            assert_eq!(other["data"]["v"], TREASURE, "{what}");
        }
        vault.is_sealed().await;
        if round < 4 {
            vault.unseal(&vault.shares).await;
        }
    }
    until("what is overdue in the open namespace should go", async || {
        (vault.accessors("open").await == 0).then_some(())
    })
    .await;
    vault.step_down().await;
    vault.is_sealed().await;
    vault.unseal(&vault.shares[1..]).await;
    let read = root.within("vault").get("/v1/kv/x").await.ok();
    assert_eq!(read["data"]["v"], TREASURE);
    until("what was overdue in the sealed namespace should go", async || {
        (vault.accessors("vault").await == 1).then_some(())
    })
    .await;
    assert_eq!(vault.cluster.nodes[0].client().with_token(&token).get("/v1/auth/token/lookup-self").await.status, 200);
}

/// It is answered that it is open when it stays so without the node that says it.
#[tokio::test(flavor = "multi_thread")]
async fn it_stays_open_without_the_node_that_has_just_opened_it() {
    let mut vault = Vault::new().await;
    for round in 0..3 {
        vault.seal(round).await;
        vault.is_sealed().await;
        assert_eq!(vault.give(&vault.shares).await, 200);
        let leader = vault.cluster.leader().await;
        vault.cluster.nodes[leader].kill();
        for index in (0..3).filter(|index| *index != leader) {
            vault.cluster.serves(index).await;
            let inside = vault.cluster.root(index).within("vault");
            until("the namespace should be served", async || {
                (inside.get("/v1/kv/x").await.status == 200).then_some(())
            })
            .await;
        }
        vault.cluster.nodes[leader].start().await;
        vault.cluster.unseal(leader).await;
        vault.cluster.serves(leader).await;
        vault.is_open().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_named_of_it_is_known_on_all_nodes_once_it_is_open() {
    let vault = Vault::new().await;
    let root = vault.cluster.root(vault.cluster.leader().await);
    let made = root.within("vault").post("/v1/auth/token/create-orphan", json!({"ttl": "1h"})).await.ok();
    let (token, accessor) = (&made["auth"]["client_token"], &made["auth"]["accessor"]);
    let wrapped = root.within("vault").with_header("X-Vault-Wrap-TTL", "1h").get("/v1/kv/x").await.ok();
    let wrapped = &wrapped["wrap_info"]["token"];
    for round in 0..3 {
        vault.seal(round).await;
        assert_eq!(vault.give(&vault.shares).await, 200);
        for root in vault.roots() {
            for (path, body) in [
                ("/v1/auth/token/lookup", json!({"token": token})),
                ("/v1/auth/token/lookup-accessor", json!({"accessor": accessor})),
                ("/v1/sys/capabilities", json!({"token": token, "paths": ["kv/x"]})),
                ("/v1/sys/capabilities-accessor", json!({"accessor": accessor, "paths": ["kv/x"]})),
                ("/v1/sys/wrapping/lookup", json!({"token": wrapped})),
                ("/v1/sys/policy/explain", json!({"token": token, "path": "kv/x", "operation": "read"})),
            ] {
                let answer = root.post(path, body).await;
                assert_eq!(answer.status, 200, "round {round}: {path}: {}", answer.body);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stays_open_over_changes_of_the_leader_and_sealed_over_a_restart_of_all() {
    let mut vault = Vault::new().await;
    for _ in 0..3 {
        vault.step_down().await;
        vault.is_open().await;
        let root = vault.cluster.root(vault.cluster.leader().await).within("vault");
        root.post("/v1/kv/x", json!({"v": TREASURE})).await.ok();
    }
    // One node that comes back gets the keys from the others.
    let one = vault.cluster.standbys().await[0];
    vault.cluster.nodes[one].stop().await;
    vault.cluster.nodes[one].start().await;
    vault.cluster.unseal(one).await;
    vault.cluster.serves(one).await;
    vault.is_open().await;

    vault.stop_all().await;
    for file in files(vault.cluster.folder()) {
        let found = memmem::find(&fs::read(&file).unwrap(), TREASURE.as_bytes());
        assert_eq!(found, None, "{}", file.display());
    }
    vault.start_all().await;
    vault.is_sealed().await;
    // The cluster's shares are none of its own.
    let theirs = vault.cluster.keys.as_ref().unwrap().unseal.clone();
    vault.give(&theirs).await;
    vault.is_sealed().await;
    vault.cluster.root(0).post("/v1/sys/namespaces/vault/unseal", json!({"reset": true})).await.ok();
    vault.unseal(&vault.shares).await;
    let read = vault.cluster.root(0).within("vault").get("/v1/kv/x").await.ok();
    assert_eq!(read["data"]["v"], TREASURE);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_shares_count_once_they_were_verified_and_the_former_ones_until_then() {
    let vault = Vault::new().await;
    let old = &vault.shares[..];
    let root = vault.cluster.root(0);
    let rekeyed = json!({"keys": &old[..2], "shares": 4, "threshold": 2});
    let few = json!({"keys": &old[..1], "shares": 4, "threshold": 2});
    assert_eq!(root.post("/v1/sys/namespaces/vault/rekey", few).await.status, 400);
    let new = shares_of(&root.post("/v1/sys/namespaces/vault/rekey", rekeyed).await.ok());
    assert_eq!(new.len(), 4);
    let opens = async |shares: &[String], right: bool| {
        vault.seal(1).await;
        vault.give(shares).await;
        if right {
            vault.is_open().await;
        } else {
            vault.is_sealed().await;
            root.post("/v1/sys/namespaces/vault/unseal", json!({"reset": true})).await.ok();
        }
    };
    opens(&new[..], false).await;
    opens(old, true).await;
    assert_eq!(root.post("/v1/sys/namespaces/vault/rekey/verify", json!({"keys": &old[..2]})).await.status, 400);
    opens(old, true).await;
    let verified = root.post("/v1/sys/namespaces/vault/rekey/verify", json!({"keys": &new[2..]})).await;
    assert_eq!(verified.status, 204, "{}", verified.body);
    opens(old, false).await;
    opens(&new[1..], true).await;
    let read = root.within("vault").get("/v1/kv/x").await.ok();
    assert_eq!(read["data"]["v"], TREASURE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_data_key_is_in_use_on_all_nodes_and_after_they_were_down() {
    let vault = Vault::new().await;
    let roots = vault.roots();
    let status =
        async |root: &Client| root.get("/v1/sys/namespaces/vault/key-status").await.ok()["data"]["term"].clone();
    for (n, root) in roots.iter().enumerate() {
        vault.is_open().await;
        let rotated = root.post("/v1/sys/namespaces/vault/rotate", json!({})).await;
        assert_eq!(rotated.status, 204, "{}", rotated.body);
        let at = rotated.headers["x-vault-index"].to_str().unwrap().to_owned();
        let written = root.within("vault").post(&format!("/v1/kv/n{n}"), json!({"v": TREASURE})).await;
        assert_eq!(written.status, 204, "{}", written.body);
        let index = written.headers["x-vault-index"].to_str().unwrap();
        assert_ne!(index, at);
        for reads in &roots {
            let reads = reads.within("vault").with_header("X-Vault-Index", index);
            for path in [format!("/v1/kv/n{n}"), "/v1/kv/x".to_owned()] {
                assert_eq!(reads.get(&path).await.ok()["data"]["v"], TREASURE, "{n}: {path}");
            }
        }
        assert_eq!(status(root).await, n + 2);
        vault.step_down().await;
    }
    vault.seal(0).await;
    let sealed = roots[0].post("/v1/sys/namespaces/vault/rotate", json!({})).await;
    assert_eq!(sealed.status, 400, "{}", sealed.body);
    assert_eq!(roots[1].get("/v1/sys/namespaces/vault/key-status").await.status, 503);
    let plain = roots[0].post("/v1/sys/namespaces/open/rotate", json!({})).await;
    assert_eq!((plain.status, plain.error()), (400, "namespace is not sealable"));
    vault.unseal(&vault.shares).await;
    assert_eq!(status(&roots[2]).await, 4);
    assert_eq!(roots[0].within("vault").get("/v1/kv/n0").await.ok()["data"]["v"], TREASURE);
}

/// Whose shares are lost is removed with all that lies in it; nobody is told that the server is sealed.
#[tokio::test(flavor = "multi_thread")]
async fn one_whose_shares_are_lost_goes_with_all_that_lies_in_it() {
    let vault = Vault::new().await;
    let root = vault.cluster.root(vault.cluster.standbys().await[0]);
    let inside = root.within("vault");
    root.within("vault/inner").post("/v1/sys/namespaces/deep", json!({})).await.ok();
    let refused = root.delete("/v1/sys/namespaces/vault").await;
    assert_eq!(refused.status, 400, "it holds namespaces: {}", refused.body);
    let refused = root.delete("/v1/sys/namespaces/vault/delete-sealed").await;
    assert_eq!((refused.status, refused.error()), (400, "namespace is not sealed"));
    let made = inside.post("/v1/auth/token/create-orphan", json!({"ttl": "1h"})).await.ok();
    let accessor = made["auth"]["accessor"].clone();
    vault.seal(0).await;
    let refused = root.delete("/v1/sys/namespaces/vault").await;
    assert_eq!(refused.status, 400, "{}", refused.body);
    for root in vault.roots() {
        let body = json!({"accessor": accessor});
        let above = root.post("/v1/auth/token/lookup-accessor", body.clone()).await;
        assert_eq!((above.status, above.error()), (503, "namespace is sealed"));
        let beside = root.within("open").post("/v1/auth/token/lookup-accessor", body).await;
        let unknown = json!({"accessor": "x.aaaaaaaa-aaaaaaaa"});
        let unknown = root.within("open").post("/v1/auth/token/lookup-accessor", unknown).await;
        assert_eq!((beside.status, beside.error()), (unknown.status, unknown.error()));
        assert_ne!(beside.status, 503);
        // Its own token does not keep anybody from logging in elsewhere.
        let own = root.within("open").with_token(made["auth"]["client_token"].as_str().unwrap());
        assert_eq!(own.get("/v1/identity/oidc/.well-known/openid-configuration").await.status, 200);
        assert_eq!(own.get("/v1/kv/x").await.status, 503);
    }
    let removed = root.delete("/v1/sys/namespaces/vault/delete-sealed").await;
    assert_eq!(removed.status, 200, "{}", removed.body);
    vault.is_gone("vault").await;
    root.post("/v1/sys/namespaces/vault", json!({})).await.ok();
    assert_eq!(root.within("vault").list("/v1/sys/namespaces").await.status, 404);
}

/// Its record says that it is open: it is looked for at the members, and where none has its keys it is no open one.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_no_node_has_keys_for_is_removed_as_a_sealed_one_is() {
    let mut vault = Vault::new().await;
    let root = vault.cluster.root(0);
    let seal = json!({"seal": "seal \"shamir\" { shares = 1 threshold = 1 }"});
    let made = root.post("/v1/sys/namespaces/bare", seal).await.ok();
    let share = json!({"key": shares_of(&made)[0]});
    root.post("/v1/sys/namespaces/bare/unseal", share.clone()).await.ok();
    vault.stop_all().await;
    vault.start_all().await;
    vault.is_sealed().await;
    for root in vault.roots() {
        for name in ["vault", "bare"] {
            let refused = root.delete(&format!("/v1/sys/namespaces/{name}")).await;
            assert_eq!((refused.status, refused.error()), (503, "namespace is sealed"), "{}", refused.body);
        }
    }
    let removed = vault.cluster.root(1).delete("/v1/sys/namespaces/vault/delete-sealed").await;
    assert_eq!(removed.status, 200, "{}", removed.body);
    vault.is_gone("vault").await;
    // Nothing was lost of the one that was to be removed as an open one.
    let root = vault.cluster.root(2);
    root.post("/v1/sys/namespaces/bare/unseal", share).await.ok();
    let refused = root.delete("/v1/sys/namespaces/bare/delete-sealed").await;
    assert_eq!((refused.status, refused.error()), (400, "namespace is not sealed"), "{}", refused.body);
    assert_eq!(root.delete("/v1/sys/namespaces/bare").await.status, 200);
    vault.is_gone("bare").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_survives_its_leader_and_leaves_no_token_or_lease() {
    let mut cluster = Cluster::serving(3, Transport::Plain).await;
    let leader = cluster.leader().await;
    let root = cluster.root(leader);
    root.post("/v1/sys/namespaces/gone", json!({})).await.ok();
    let mut tokens = Vec::new();
    for _ in 0..100 {
        tokens.push(token_in(&root, "gone", "1h").await);
    }
    let batch = json!({"type": "batch", "ttl": "1h"});
    let batch = root.within("gone").post("/v1/auth/token/create-orphan", batch).await.ok();
    tokens.push(batch["auth"]["client_token"].as_str().unwrap().to_owned());
    let child = root.within("gone").post("/v1/auth/token/create", json!({"ttl": "1h"})).await.ok();
    tokens.push(child["auth"]["client_token"].as_str().unwrap().to_owned());
    let removed = root.delete("/v1/sys/namespaces/gone").await;
    assert_eq!(removed.status, 200, "{}", removed.body);
    cluster.nodes[leader].kill();
    let others: Vec<usize> = (0..3).filter(|index| *index != leader).collect();
    for index in &others {
        cluster.serves(*index).await;
    }
    let none_counts = async || {
        for (n, token) in tokens.iter().enumerate() {
            let answer =
                cluster.nodes[others[n % 2]].client().with_token(token).get("/v1/auth/token/lookup-self").await;
            assert_eq!(answer.status, 403, "token {n}: {}", answer.body);
        }
    };
    none_counts().await;
    let root = cluster.root(others[0]);
    until("the namespace should be gone", async || {
        (root.get("/v1/sys/namespaces/gone").await.status == 404).then_some(())
    })
    .await;
    none_counts().await;
    // Another one of that name has nothing of it.
    root.post("/v1/sys/namespaces/gone", json!({})).await.ok();
    let again = root.within("gone");
    assert_eq!(again.list("/v1/auth/token/accessors").await.body["data"]["keys"].as_array().map_or(0, Vec::len), 0);
    assert_eq!(again.list("/v1/sys/leases/lookup/auth/token/create-orphan").await.status, 404);
    none_counts().await;
}
