//! DR replication: what a secondary serves and by which tokens; on two clusters in memory.

use sdk::{Handler, OnSecondary, Verb};

use super::server::{Got, Server};
use sdk::{Value, json};

const SECONDARY: &str = "sys/replication/dr/secondary";
const DISABLED: &str = "path disabled in replication DR secondary mode";

struct Pair {
    primary: Server,
    copy: Server,
}

impl Pair {
    /// Two clusters, and an activation token of the one.
    async fn new() -> (Self, String) {
        let (primary, copy) = (Server::new().await, Server::new().await);
        copy.link.reaches(&primary.alone, primary.node(), &primary.link);
        primary.write("sys/replication/dr/primary/enable", json!({})).await.ok();
        let made = primary.write("sys/replication/dr/primary/secondary-token", json!({ "id": "east" })).await.ok();
        let wrapped = &made["wrap_info"];
        assert_eq!((&wrapped["ttl"], &made["data"]), (&json!(1800), &Value::Null));
        let token = wrapped["token"].as_str().unwrap().to_owned();
        (Self { primary, copy }, token)
    }

    /// The copy is complete.
    async fn following() -> Self {
        let (pair, token) = Self::new().await;
        pair.primary.policy("failover", FAILOVER).await;
        let got = pair.copy.write(&format!("{SECONDARY}/enable"), json!({ "token": token })).await.ok();
        assert!(got["warnings"][0].as_str().unwrap().contains("east"), "{got}");
        pair.copy.link.copy();
        pair.copy.attune();
        pair
    }

    /// Of the primary.
    async fn batch(&self, asked: Value) -> String {
        let made = self.primary.write("auth/token/create-orphan", asked).await.ok();
        made["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    async fn act(&self, action: &str, token: &str) -> Got {
        let body = json!({ "dr_operation_token": token });
        self.copy.send(Verb::Write, &format!("{SECONDARY}/{action}"), "", body).await
    }
}

const FAILOVER: &str = r#"
    path "sys/replication/dr/secondary/promote" { capabilities = ["update"] }
    path "sys/storage/raft/configuration" { capabilities = ["read", "update"] }
"#;

#[tokio::test]
async fn a_secondary_refuses_every_declared_operation_but_those_that_are_there_for_it() {
    let pair = Pair::following().await;
    let root = pair.primary.root.clone();
    let (mut refused, mut served) = (0, 0);
    for (mount, path) in pair.copy.declared() {
        let text: String = path
            .pattern
            .text()
            .replace("/?", "")
            .split('/')
            .map(|s| if s.starts_with(':') { "x" } else { s })
            .collect::<Vec<_>>()
            .join("/");
        for (verb, operation) in &path.operations {
            if matches!(operation.handler, Handler::Node) {
                continue;
            }
            let target = format!("{mount}{text}");
            let got = pair.copy.send(*verb, &target, &root, json!({})).await;
            match path.on_secondary {
                OnSecondary::Refused => {
                    assert_eq!((got.status, got.error()), (400, DISABLED), "{verb:?} {target}");
                    refused += 1;
                }
                // The primary's root token is a service token.
                OnSecondary::ByOperationToken => {
                    assert_eq!(got.status, 403, "{verb:?} {target}: {}", got.body);
                    served += 1;
                }
                // An attempt is no folder: listing it is refused everywhere.
                OnSecondary::Open if *verb == Verb::List => assert!(got.status >= 400, "{target}: {}", got.body),
                OnSecondary::Open => {
                    assert!(!got.error().contains(DISABLED), "{verb:?} {target}: {}", got.body);
                    served += 1;
                }
            }
        }
    }
    assert!(refused > 100 && served > 15, "{refused} refused, {served} served");
    for path in ["nowhere/x", "keeper/x", "sys/nothing"] {
        assert_eq!(pair.copy.send(Verb::Read, path, &root, json!({})).await.error(), DISABLED);
    }
}

#[tokio::test]
async fn a_batch_token_of_the_primary_promotes_and_nothing_else_does() {
    let pair = Pair::following().await;
    let batch = json!({ "type": "batch", "policies": ["failover"], "ttl": "1h" });
    pair.act("promote", "").await.refused(400, "dr_operation_token must be given");
    pair.act("promote", &pair.primary.root).await.refused(403, "a service token does not count");
    pair.act("promote", "dr.nonsense").await.refused(403, "no DR operation token");
    pair.act("promote", "b.nonsense").await.refused(403, "no DR operation token");
    let poor = pair.batch(json!({ "type": "batch", "policies": ["default"], "ttl": "1h" })).await;
    pair.act("promote", &poor).await.refused(403, "do not allow");
    let parent = pair.primary.token(json!({ "policies": ["failover", "default"] })).await.0;
    let child = pair.primary.write("auth/token/create", batch.clone()).await.ok();
    pair.act("promote", child["auth"]["client_token"].as_str().unwrap()).await.refused(403, "has a parent");
    pair.act("promote", &parent).await.refused(403, "a service token does not count");

    // Made after the copy, before the disaster: it needs no record.
    let token = pair.batch(batch).await;
    pair.act("update-primary", &token).await.refused(403, "do not allow");
    assert_eq!(pair.copy.send(Verb::Read, "sys/storage/raft/configuration", &token, json!({})).await.status, 200);
    let health = pair.copy.health("").await;
    assert_eq!((health.0, &health.1["replication_dr_mode"]), (472, &json!("secondary")));
    pair.act("promote", &token).await.ok();

    let health = pair.copy.health("").await;
    assert_eq!((health.0, &health.1["replication_dr_mode"]), (200, &json!("primary")));
    let root = &pair.primary.root;
    assert_eq!(pair.copy.send(Verb::Read, "auth/token/lookup-self", root, Value::Null).await.status, 200);
    pair.act("promote", &token).await.refused(400, "not a DR secondary");
}

#[tokio::test]
async fn shares_make_a_token_that_acts_until_it_is_deleted() {
    let pair = Pair::following().await;
    let place = format!("{SECONDARY}/generate-operation-token");
    let anybody = async |verb, path: &str, body| pair.copy.send(verb, path, "", body).await;
    let attempt = format!("{place}/attempt");
    let state = anybody(Verb::Read, &attempt, Value::Null).await.ok();
    assert_eq!((&state["started"], &state["required"], &state["otp_length"]), (&json!(false), &json!(1), &json!(27)));
    let begun = anybody(Verb::Write, &attempt, json!({})).await.ok();
    let (nonce, otp) = (begun["nonce"].as_str().unwrap(), begun["otp"].as_str().unwrap());
    let seen = anybody(Verb::Read, &attempt, Value::Null).await.ok();
    assert_eq!((&seen["started"], &seen["nonce"]), (&json!(true), &json!("")), "who may cancel is who began");
    anybody(Verb::Delete, &attempt, Value::Null).await.refused(400, "nonce");
    pair.copy
        .send(Verb::Write, &format!("{SECONDARY}/update-primary"), "", json!({ "update_primary_addrs": "nonsense" }))
        .await
        .refused(400, "dr_operation_token must be given");
    let key = hex::encode(&pair.copy.shares[0]);
    let wrong = anybody(Verb::Write, &format!("{place}/update"), json!({ "key": key, "nonce": nonce })).await;
    wrong.refused(400, "do not combine to the primary's key");
    let key = hex::encode(&pair.primary.shares[0]);
    let made = anybody(Verb::Write, &format!("{place}/update"), json!({ "key": key, "nonce": nonce })).await.ok();
    assert_eq!(made["complete"], true);
    let token = holdfast_core::lifecycle::decode_token(made["encoded_token"].as_str().unwrap(), otp).unwrap();
    let token = token.expose();

    assert_eq!(pair.act("update-primary", token).await.status, 400, "it may, and says of what");
    for bad in ["nonsense", "127.0.0.1:1,256.1.1.1:99999"] {
        let body = json!({ "update_primary_addrs": bad, "dr_operation_token": token });
        let path = format!("{SECONDARY}/update-primary");
        pair.copy.send(Verb::Write, &path, "", body).await.refused(400, "host and port");
    }
    assert_eq!(pair.copy.send(Verb::Read, "sys/ha-status", token, Value::Null).await.status, 200, "as a header, too");
    pair.act("operation-token/delete", token).await.ok();
    pair.act("promote", token).await.refused(403, "no DR operation token");
}

#[tokio::test]
async fn status_is_open_and_says_where_both_stand() {
    let pair = Pair::following().await;
    let copy = pair.copy.send(Verb::Read, "sys/replication/status", "", Value::Null).await.ok();
    let (dr, performance) = (&copy["data"]["dr"], &copy["data"]["performance"]);
    assert_eq!(performance, &json!({ "mode": "disabled" }));
    for (field, value) in [
        ("mode", json!("secondary")),
        ("state", json!("stream-wals")),
        ("copy_state", json!("following")),
        ("secondary_id", json!("east")),
        ("fenced", json!(false)),
        ("behind", json!(0)),
        ("lag_ms", json!(7)),
        ("last_reindex_epoch", json!("0")),
    ] {
        assert_eq!(dr[field], value, "{field}: {dr}");
    }
    let primary = pair.primary.send(Verb::Read, "sys/replication/dr/status", "", Value::Null).await.ok();
    let primary = &primary["data"];
    assert_eq!((&primary["mode"], &primary["state"]), (&json!("primary"), &json!("running")));
    assert_eq!(primary["known_secondaries"], json!(["east"]));
    assert_eq!((&primary["cluster_id"], &primary["secondaries"][0]["node_id"]), (&dr["cluster_id"], &json!("east")));
    let alone = Server::new().await.send(Verb::Read, "sys/replication/dr/status", "", Value::Null).await.ok();
    assert_eq!(alone["data"], json!({ "mode": "disabled" }));
    let health = pair.copy.health("drsecondarycode=299&standbyok=true").await;
    assert_eq!((health.0, &health.1["replication_dr_lag_ms"]), (299, &json!(7)));
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_reason() {
    let (pair, token) = Pair::new().await;
    let (primary, copy) = (&pair.primary, &pair.copy);
    let place = "sys/replication/dr";
    copy.write(&format!("{place}/primary/secondary-token"), json!({ "id": "x" })).await.refused(400, "no DR primary");
    primary.write(&format!("{place}/primary/secondary-token"), json!({})).await.refused(400, "id must name");
    primary.write(&format!("{place}/primary/revoke-secondary"), json!({})).await.refused(400, "id must name");
    copy.write(&format!("{SECONDARY}/enable"), json!({})).await.refused(400, "token must be given");
    copy.write(&format!("{SECONDARY}/enable"), json!({ "token": "x" })).await.refused(400, "no activation token");
    copy.write(&format!("{SECONDARY}/promote"), json!({})).await.refused(400, "not a DR secondary");
    copy.write("sys/replication/performance/primary/enable", json!({}))
        .await
        .refused(400, "no performance replication");
    copy.write("sys/replication/primary/enable", json!({})).await.refused(400, "no performance replication");
    primary.write(&format!("{SECONDARY}/enable"), json!({ "token": token })).await.refused(400, "its own copy");
    copy.send(Verb::Write, &format!("{SECONDARY}/enable"), "", json!({ "token": token })).await.refused(403, "");

    let body = json!({ "token": token, "primary_api_addr": "https://x", "ca_file": "/x" });
    let got = copy.write(&format!("{SECONDARY}/enable"), body).await.ok();
    assert!(got["warnings"][1].as_str().unwrap().starts_with("primary_api_addr, ca_file had no effect"), "{got}");
    // Nothing has arrived yet: it is no copy, and refuses all the same.
    assert_eq!(copy.read("sys/mounts").await.error(), DISABLED);
    copy.link.copy();
    copy.attune();
    let got = primary.write(&format!("{place}/primary/demote"), json!({})).await.ok();
    assert!(got["warnings"][0].as_str().unwrap().contains("update-primary"));
    assert_eq!(primary.read("sys/mounts").await.error(), DISABLED);
}
