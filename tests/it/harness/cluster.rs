//! Several nodes that belong together.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::certificates::Certificates;
use super::client::Client;
use super::node::Node;
use super::wait::until;

/// What clients and nodes talk over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Plain,
    Tls,
}

pub struct Cluster {
    pub nodes: Vec<Node>,
    pub keys: Option<Keys>,
    certificates: Option<Certificates>,
    // Last, so that the processes are gone before their folder is.
    folder: TempDir,
}

#[derive(Clone)]
pub struct Keys {
    pub unseal: Vec<String>,
    pub threshold: usize,
    pub root: String,
}

impl Cluster {
    /// Nodes that are configured and not started. `more` goes into every node's configuration.
    pub fn configured(size: usize, transport: Transport, more: &Value) -> Cluster {
        let folder = TempDir::with_prefix("holdfast-it-").unwrap();
        let certificates = (transport == Transport::Tls).then(|| Certificates::make(folder.path()));
        let ca = certificates.as_ref().map(|certificates| certificates.ca.as_path());
        let nodes: Vec<Node> =
            (1..=size).map(|number| Node::new(&format!("node{number}"), folder.path(), ca)).collect();
        let cluster = Cluster { nodes, keys: None, certificates, folder };
        for index in 0..size {
            cluster.configure(index, more);
        }
        cluster
    }

    /// Nodes that are started, initialised, joined and unsealed: all of them serve.
    pub async fn serving(size: usize, transport: Transport) -> Cluster {
        Cluster::configured(size, transport, &json!({})).brought_up(3, 2).await
    }

    /// The same of nodes that were configured.
    pub async fn brought_up(mut self, shares: usize, threshold: usize) -> Cluster {
        for node in &mut self.nodes {
            node.start().await;
        }
        self.initialise(shares, threshold).await;
        for index in 0..self.nodes.len() {
            self.unseal(index).await;
        }
        self.leader().await;
        for index in 0..self.nodes.len() {
            self.serves(index).await;
        }
        self.all_vote().await;
        self
    }

    /// Writes the node's configuration anew.
    pub fn configure(&self, index: usize, more: &Value) {
        let node = &self.nodes[index];
        let mut listener = json!({
            "address": format!("127.0.0.1:{}", node.api_port),
            "cluster_address": format!("127.0.0.1:{}", node.cluster_port),
        });
        match &self.certificates {
            None => listener["tls_disable"] = true.into(),
            Some(files) => {
                listener["tls_cert_file"] = files.certificate.to_str().into();
                listener["tls_key_file"] = files.key.to_str().into();
            }
        }
        let others = self.nodes.iter().filter(|other| other.name != node.name);
        let retry_join: Vec<Value> = others
            .map(|other| match &self.certificates {
                None => json!({ "leader_api_addr": other.url() }),
                Some(files) => json!({ "leader_api_addr": other.url(), "leader_ca_cert_file": files.ca.to_str() }),
            })
            .collect();
        let mut config = json!({
            "storage": { "raft": { "path": node.data().to_str(), "node_id": node.name, "retry_join": retry_join } },
            "listener": [{ "tcp": listener }],
            "api_addr": node.url(),
            "cluster_addr": format!("https://127.0.0.1:{}", node.cluster_port),
            "disable_mlock": true,
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            config[key] = value.clone();
        }
        fs::write(node.config_file(), serde_json::to_vec_pretty(&config).unwrap()).unwrap();
    }

    /// On the first node.
    pub async fn initialise(&mut self, shares: usize, threshold: usize) {
        let asked = json!({ "secret_shares": shares, "secret_threshold": threshold });
        let made = self.nodes[0].client().post("/v1/sys/init", asked).await.ok();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        self.keys = Some(Keys {
            unseal: made["keys_base64"].as_array().unwrap().iter().map(text).collect(),
            threshold,
            root: text(&made["root_token"]),
        });
    }

    /// Gives the node as many keys as it takes. A node that has yet to join is given them until it has.
    pub async fn unseal(&self, index: usize) {
        let (keys, client) = (self.keys.as_ref().unwrap(), self.nodes[index].client());
        until(&format!("{} should be unsealed", self.nodes[index].name), async || {
            let mut unsealed = None;
            for key in &keys.unseal[..keys.threshold] {
                let answer = client.try_send("POST", "/v1/sys/unseal", Some(&json!({ "key": key }))).await.ok()?;
                unsealed = (answer.body["sealed"] == json!(false)).then_some(());
            }
            unsealed
        })
        .await;
    }

    /// Which node is active.
    pub async fn leader(&self) -> usize {
        until("one node should be active", async || {
            for (index, node) in self.nodes.iter().enumerate() {
                if node.client().health().await == Some(200) {
                    return Some(index);
                }
            }
            None
        })
        .await
    }

    /// The nodes that are not active.
    pub async fn standbys(&self) -> Vec<usize> {
        let leader = self.leader().await;
        (0..self.nodes.len()).filter(|index| *index != leader).collect()
    }

    /// Returns once the node is active or a standby that serves reads.
    pub async fn serves(&self, index: usize) {
        let client = self.nodes[index].client();
        until(&format!("{} should serve", self.nodes[index].name), async || {
            client.health().await.filter(|status| matches!(status, 200 | 473))
        })
        .await;
    }

    /// Returns once every node is a voter: from then on any minority may be lost.
    pub async fn all_vote(&self) {
        let root = self.root(self.leader().await);
        until("all nodes should be voters", async || {
            let answer = root.get("/v1/sys/storage/raft/configuration").await;
            let servers = answer.body["data"]["config"]["servers"].as_array()?;
            let voters = servers.iter().filter(|server| server["voter"] == json!(true)).count();
            (voters == self.nodes.len()).then_some(())
        })
        .await;
    }

    /// A client of the node that holds the root token.
    pub fn root(&self, index: usize) -> Client {
        self.nodes[index].client().with_token(&self.keys.as_ref().unwrap().root)
    }

    /// The certificate authority's file, for other programs.
    pub fn ca(&self) -> Option<&std::path::Path> {
        self.certificates.as_ref().map(|files| files.ca.as_path())
    }

    /// The folder of everything: data, configurations, logs.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.nodes.iter().for_each(Node::show_log);
        }
    }
}
