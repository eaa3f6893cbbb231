//! Why a request was refused, asked of the nodes of a cluster.

use serde_json::json;

use crate::harness::{Cluster, Transport};

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_knows_what_it_refused_and_asks_the_active_node_for_the_rest() {
    let cluster = Cluster::serving(3, Transport::Plain).await;
    let (active, standbys) = (cluster.leader().await, cluster.standbys().await);
    let (root, at_standby) = (cluster.root(active), cluster.root(standbys[0]));
    let policy = "path \"cubbyhole/x\" { capabilities = [\"read\"] }";
    root.post("/v1/sys/policies/acl/app", json!({ "policy": policy })).await.ok();
    let made = json!({ "policies": ["app"], "no_default_policy": true });
    let made = root.post("/v1/auth/token/create", made).await.ok();
    let poor = cluster.nodes[standbys[0]].client().with_token(made["auth"]["client_token"].as_str().unwrap());

    let ask = |id: &str| format!("/v1/sys/policy/explain/{id}");
    let written = poor.post("/v1/cubbyhole/x", json!({ "a": 1 })).await;
    assert_eq!((written.status, written.error()), (403, "1 error occurred:\n\t* permission denied\n\n"));
    let id = written.body["request_id"].as_str().unwrap();
    assert_eq!(written.headers["x-vault-request-id"], id);
    for client in [&root, &at_standby] {
        let told = client.get(&ask(id)).await.ok();
        assert_eq!(
            (&told["data"]["reason"], &told["data"]["capability"]),
            (&json!("missing_capability"), &json!("create"))
        );
        assert_eq!(told["data"]["rule"]["from"][0]["policy"], "app");
    }

    let read = poor.get("/v1/sys/mounts").await;
    assert_eq!(read.status, 403);
    let id = read.body["request_id"].as_str().unwrap();
    assert_eq!(at_standby.get(&ask(id)).await.ok()["data"]["reason"], "no_rule");
    let elsewhere = root.get(&ask(id)).await;
    assert!(
        elsewhere.status == 404 && elsewhere.error().contains("the node that the refusal came from"),
        "{:?}",
        elsewhere.body
    );
    assert_eq!(poor.get(&ask(id)).await.status, 403);
}
