//! What a node says of itself when something is wrong with it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use holdfast_core::lifecycle::{Admission, Introduce, JoinAnswer, JoinChallenge, JoinTarget, NotLetIn};
use holdfast_core::replication::Member;
use sdk::{Map, Value, json};
use storage::Millis;
use tokio::sync::watch;

use super::server::Server;
use crate::node::{Local, Method, Rate, answer};

struct Nobody;

#[async_trait]
impl Introduce for Nobody {
    async fn is_initialised(&self, _: &JoinTarget) -> Result<bool, String> {
        Err("nobody is there".to_owned())
    }
    async fn challenge(&self, _: &JoinTarget, _: &Member) -> Result<JoinChallenge, String> {
        Err("nobody is there".to_owned())
    }
    async fn answer(&self, _: &JoinTarget, _: &JoinAnswer) -> Result<Admission, NotLetIn> {
        Err(NotLetIn::Failed("nobody is there".to_owned()))
    }
}

pub(super) fn local(server: &Server) -> Local {
    Local {
        node: Arc::clone(server.node()),
        introduce: Arc::new(Nobody),
        cluster_name: None,
        serve_reads: true,
        lock_memory: true,
        rate: Rate::default(),
        clock: || Millis(1_700_000_000_000),
        active_since: Arc::new(|| None),
        leaving: Arc::default(),
    }
}

async fn asked(local: &Local, method: Method, path: &str, body: Value) -> (u16, Value) {
    let body = body.as_object().cloned().unwrap_or_default();
    let response = answer(local, method, path, &Map::new(), &Ok(body)).await.unwrap();
    (response.status, serde_json::from_slice(&response.body).unwrap_or_default())
}

#[tokio::test]
async fn a_node_whose_state_differs_says_so_and_seals_itself() {
    let server = Server::new().await;
    let local = local(&server);
    assert_eq!(asked(&local, Method::Get, "sys/health", json!({})).await.0, 200);
    let (_running, stop) = watch::channel(false);
    let heeding = tokio::spawn(Arc::clone(server.node()).heed_exclusion(stop));

    let why = "at revision 1-0-7 the state of this node is not that of b, c";
    server.alone.diverge(why);
    tokio::time::timeout(Duration::from_secs(20), heeding).await.expect("it seals itself").unwrap();
    assert!(server.node().is_sealed());
    let (status, health) = asked(&local, Method::Get, "sys/health", json!({})).await;
    assert_eq!((status, &health["state_diverged"]), (503, &json!(why)));
    let (_, seal) = asked(&local, Method::Get, "sys/seal-status", json!({})).await;
    assert_eq!((&seal["sealed"], &seal["state_diverged"]), (&json!(true), &json!(why)));
    let (status, refused) = asked(&local, Method::Write, "sys/unseal", json!({ "key": "AAAA" })).await;
    assert_eq!(status, 400, "{refused}");
    assert!(refused["errors"][0].as_str().unwrap().contains("its state is not that of the others"), "{refused}");
    server.read("sys/mounts").await.refused(503, "its state is not that of the others");
}

#[tokio::test]
async fn a_removed_node_that_is_asked_to_join_says_what_has_to_be_done_first() {
    let server = Server::new().await;
    let local = local(&server);
    let wish = json!({ "leader_api_addr": "https://10.0.0.1:8200" });
    for member in [wish.clone(), json!({})] {
        let joined = asked(&local, Method::Write, "sys/storage/raft/join", member).await;
        assert_eq!(joined, (200, json!({ "joined": true })), "a member has joined");
    }

    server.alone.remove();
    let (status, refused) = asked(&local, Method::Write, "sys/storage/raft/join", wish).await;
    assert_eq!(status, 400, "{refused}");
    let said = refused["errors"][0].as_str().unwrap();
    assert!(said.contains("was removed from its cluster") && said.contains("empty its data folder"), "{said}");
}
