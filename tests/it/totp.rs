//! One-time codes in a cluster.

use futures::future::join_all;
use serde_json::json;

use crate::harness::{Cluster, Transport};

/// However many nodes get it at the same moment.
#[tokio::test]
async fn a_code_is_used_once_in_the_whole_cluster() {
    let cluster = Cluster::serving(3, Transport::Plain).await;
    let nodes: Vec<_> = (0..3).map(|index| cluster.root(index)).collect();
    nodes[0].post("/v1/sys/mounts/totp", json!({"type": "totp"})).await.ok();
    for round in 0..5 {
        let (key, code) = (format!("/v1/totp/keys/k{round}"), format!("/v1/totp/code/k{round}"));
        // A day's code, so that the test does not meet the end of a period.
        let body = json!({"generate": true, "issuer": "i", "account_name": "a", "period": "24h"});
        let made = nodes[round % 3].post(&key, body).await.ok();
        assert!(made["data"]["barcode"].is_string() && made["data"]["url"].is_string(), "{made}");
        let now = join_all(nodes.iter().map(|node| node.get(&code))).await;
        let codes: Vec<_> = now.into_iter().map(|answer| answer.ok()["data"]["code"].clone()).collect();
        assert!(codes.iter().all(|code| *code == codes[0]), "{codes:?}");
        let sent = nodes.iter().cycle().take(9).map(|node| node.post(&code, json!({"code": codes[0]})));
        let answers = join_all(sent).await;
        let right = answers.iter().filter(|answer| answer.body["data"]["valid"] == json!(true)).count();
        let used = answers.iter().filter(|answer| answer.status == 400 && answer.error().contains("already used"));
        assert_eq!((right, used.count()), (1, 8), "{answers:?}");
    }
}
