//! A web application logs somebody in, with a client library that others wrote, whatever becomes of the leader meanwhile.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::clients::{installed, program};
use crate::harness::{Client, Cluster, Transport};

/// Who logs in: a token by userpass, and the entity that it is of.
async fn ann(root: &Client, anybody: &Client) -> (String, String) {
    root.post("/v1/sys/auth/userpass", json!({ "type": "userpass" })).await.ok();
    root.post("/v1/auth/userpass/users/ann", json!({ "password": "pw" })).await.ok();
    let given = anybody.post("/v1/auth/userpass/login/ann", json!({ "password": "pw" })).await.ok();
    let text = |name: &str| given["auth"][name].as_str().unwrap().to_owned();
    let (token, entity) = (text("client_token"), text("entity_id"));
    root.post("/v1/identity/group", json!({ "name": "blue", "member_entity_ids": [entity] })).await.ok();
    (token, entity)
}

/// A provider of this issuer, and a client of it: its ID, and its secret if it has one.
async fn provider(root: &Client, issuer: &str, kind: &str, algorithm: &str) -> (String, String) {
    let accessor = root.get("/v1/sys/auth").await.ok()["data"]["userpass/"]["accessor"].as_str().unwrap().to_owned();
    let template = format!(
        "{{\"username\": {{{{identity.entity.aliases.{accessor}.name}}}}, \"team\": {{{{identity.entity.groups.names}}}}}}"
    );
    root.post("/v1/identity/oidc/scope/profile", json!({ "template": template })).await.ok();
    root.post("/v1/identity/oidc/key/app", json!({ "algorithm": algorithm, "allowed_client_ids": "*" })).await.ok();
    let client = json!({
        "redirect_uris": "https://app.example/callback", "assignments": "allow_all", "client_type": kind, "key": "app",
    });
    root.post("/v1/identity/oidc/client/app", client).await.ok();
    let read = root.get("/v1/identity/oidc/client/app").await.ok()["data"].clone();
    let text = |name: &str| read[name].as_str().unwrap_or_default().to_owned();
    let provider = json!({ "issuer": issuer, "allowed_client_ids": text("client_id"), "scopes_supported": "profile" });
    root.post("/v1/identity/oidc/provider/web", provider).await.ok();
    (text("client_id"), text("client_secret"))
}

/// The application talks to a standby; the leader dies while the code is on its way.
async fn logs_in(kind: &str, algorithm: &str) {
    let mut cluster = Cluster::serving(3, Transport::Tls).await;
    let (leader, standby) = (cluster.leader().await, cluster.standbys().await[0]);
    let (root, here) = (cluster.root(leader), cluster.nodes[standby].client());
    let (token, entity) = ann(&root, &here).await;
    let address = cluster.nodes[standby].url();
    let (id, secret) = provider(&root, &address, kind, algorithm).await;
    let issuer = format!("{address}/v1/identity/oidc/provider/web");
    let mut application = Command::new(installed("HOLDFAST_TEST_PYTHON"));
    application.arg(program("oidc.py")).arg(&issuer).arg(cluster.ca().unwrap()).args([&id, &secret, &token, &entity]);
    let piped = application.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = piped.spawn().unwrap();
    let mut said = BufReader::new(running.stdout.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    if line == "authorized\n" {
        cluster.nodes[leader].kill();
        // It is not told when there is a next one.
        running.stdin.take().unwrap().write_all(b"go on\n").unwrap();
    }
    said.read_to_string(&mut line).unwrap();
    let ended = running.wait_with_output().unwrap();
    let why = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && line == "authorized\nall good\n", "{line}{why}");
    assert_ne!(cluster.leader().await, leader);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_with_a_secret_logs_somebody_in_though_the_leader_dies() {
    logs_in("confidential", "RS256").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_without_a_secret_logs_somebody_in_though_the_leader_dies() {
    logs_in("public", "ES256").await;
}

/// All nodes at once: one of them is the first.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_redeem_a_code_one_does() {
    let cluster = Cluster::serving(3, Transport::Plain).await;
    let root = cluster.root(cluster.leader().await);
    let (token, _) = ann(&root, &cluster.nodes[0].client()).await;
    let (id, secret) = provider(&root, "", "confidential", "EdDSA").await;
    let user = cluster.nodes[0].client().with_token(&token);
    let callback = "https://app.example/callback";
    for round in 0..3 {
        let asked = json!({ "client_id": id, "redirect_uri": callback, "response_type": "code", "scope": "openid" });
        let given = user.post("/v1/identity/oidc/provider/web/authorize", asked).await.ok();
        let redeem = json!({
            "grant_type": "authorization_code", "code": given["code"], "redirect_uri": callback, "client_id": id,
            "client_secret": secret,
        });
        let clients: Vec<Client> = (0..30).map(|n| cluster.nodes[n % 3].client()).collect();
        let path = "/v1/identity/oidc/provider/web/token";
        let answers = futures::future::join_all(clients.iter().map(|client| client.post(path, redeem.clone()))).await;
        let redeemed = answers.iter().filter(|answer| answer.status == 200).count();
        let others = |answer: &&crate::harness::Answer| answer.body["error"] == "invalid_grant";
        assert_eq!((redeemed, answers.iter().filter(others).count()), (1, 29), "round {round}");
    }
}
