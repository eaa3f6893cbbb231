//! Quotas: what they hold for, who is refused, and what counts.

use std::time::Duration;

use holdfast_core::worker;
use sdk::{Value, Verb, json};
use tokio::sync::watch;
use tokio::time::Instant;

use super::Server;

const RATE: &str = "sys/quotas/rate-limit";
const LEASES: &str = "sys/quotas/lease-count";

async fn with_mounts(names: &[&str]) -> Server {
    let server = Server::new().await;
    for name in names {
        server.write(&format!("sys/mounts/{name}"), json!({"type": "box"})).await.ok();
    }
    server
}

impl Server {
    async fn rate(&self, name: &str, asked: Value) {
        self.write(&format!("{RATE}/{name}"), asked).await.ok();
    }

    /// How many leases a quota counts, once all are.
    async fn counted(&self, name: &str) -> i64 {
        let (_go_on, stop) = watch::channel(false);
        let working = tokio::spawn(worker::run(self.node().clone(), stop));
        let end = Instant::now() + Duration::from_secs(20);
        let counted = loop {
            let read = self.read(&format!("{LEASES}/{name}")).await.ok();
            if read["data"]["settling"].is_null() || Instant::now() >= end {
                break read["data"].clone();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        working.abort();
        assert!(counted["settling"].is_null(), "{counted}");
        counted["counter"].as_i64().unwrap()
    }
}

#[tokio::test]
async fn what_is_set_reads_back() {
    let server = with_mounts(&["kv"]).await;
    let config = server.read("sys/quotas/config").await.ok()["data"].clone();
    assert_eq!(config["enable_rate_limit_response_headers"], false);
    assert!(config["rate_limit_exempt_paths"].as_array().unwrap().contains(&json!("sys/health")));
    let asked = json!({"enable_rate_limit_response_headers": true, "rate_limit_exempt_paths": ["kv/free"]});
    server.write("sys/quotas/config", asked).await.ok();
    server.write("sys/quotas/config", json!({})).await.ok();
    let config = server.read("sys/quotas/config").await.ok()["data"].clone();
    assert_eq!(config["rate_limit_exempt_paths"], json!([]), "what is left out is empty");
    let bad = json!({"enable_rate_limit_response_headers": "so-so"});
    server.write("sys/quotas/config", bad).await.refused(400, "enable_rate_limit_response_headers");

    assert_eq!((server.list(RATE).await.status, server.read(&format!("{RATE}/x")).await.status), (404, 404));
    server.rate("x", json!({"rate": "100000"})).await;
    let all = server.read(&format!("{RATE}/x")).await.ok()["data"].clone();
    let wanted = json!({
        "type": "rate-limit", "name": "x", "path": "", "role": "", "rate": 100_000, "interval": 1, "block_interval": 0,
    });
    assert_eq!(all, wanted);
    server.rate("y", json!({"rate": 1.5, "path": "kv", "interval": "2m", "block_interval": 30})).await;
    let of_mount = server.read(&format!("{RATE}/y")).await.ok()["data"].clone();
    assert_eq!((&of_mount["path"], &of_mount["rate"]), (&json!("kv/"), &json!(1.5)));
    assert_eq!((&of_mount["interval"], &of_mount["inheritable"]), (&json!(120), &Value::Null));
    server.rate("z", json!({"rate": 5, "path": "/kv/data/a*", "inheritable": true})).await;
    let below = server.read(&format!("{RATE}/z")).await.ok()["data"].clone();
    assert_eq!((&below["path"], &below["inheritable"]), (&json!("kv/data/a*"), &json!(true)));
    assert_eq!(server.list(RATE).await.ok()["data"]["keys"], json!(["x", "y", "z"]));

    server.write("sys/remount", json!({"from": "kv", "to": "moved/kv"})).await.ok();
    assert_eq!(server.read(&format!("{RATE}/z")).await.ok()["data"]["path"], "moved/kv/data/a*", "it follows");
    server.delete("sys/mounts/moved/kv").await.ok();
    assert_eq!(server.list(RATE).await.ok()["data"]["keys"], json!(["x"]), "it goes with its mount");
    server.delete(&format!("{RATE}/x")).await.ok();
    server.delete(&format!("{RATE}/x")).await.ok();
}

#[tokio::test]
async fn a_quota_that_cannot_be_is_told_why() {
    let server = with_mounts(&["kv"]).await;
    server.write("sys/auth/up", json!({"type": "userpass"})).await.ok();
    server.rate("taken", json!({"rate": 1000, "path": "kv"})).await;
    for (asked, naming) in [
        (json!({}), "'rate'"),
        (json!({"rate": 0}), "'rate'"),
        (json!({"rate": -5}), "'rate'"),
        (json!({"rate": "a"}), "rate"),
        (json!({"rate": 5, "interval": "x"}), "interval"),
        (json!({"rate": 5, "block_interval": -1}), "'block_interval'"),
        (json!({"rate": 5, "path": "nope"}), "nope"),
        (json!({"rate": 5, "path": "kv"}), "taken"),
        (json!({"rate": 5, "role": "r"}), "path of the auth method"),
        (json!({"rate": 5, "role": "r", "path": "auth/up/login"}), "not both"),
        (json!({"rate": 5, "role": "r", "path": "auth/up"}), "no role"),
        (json!({"rate": 5, "role": "r", "path": "kv"}), "no role"),
    ] {
        server.write(&format!("{RATE}/q"), asked).await.refused(400, naming);
    }
    for (asked, naming) in [
        (json!({}), "'max_leases'"),
        (json!({"max_leases": 0}), "'max_leases'"),
        (json!({"max_leases": 5, "path": "nope"}), "nope"),
        (json!({"max_leases": 5, "path": "auth/up", "role": "r"}), "by role"),
    ] {
        server.write(&format!("{LEASES}/q"), asked).await.refused(400, naming);
    }
}

#[tokio::test]
async fn too_many_requests_are_refused_before_anybody_is_known() {
    let server = with_mounts(&["kv", "free"]).await;
    let switches = json!({"enable_rate_limit_response_headers": true, "rate_limit_exempt_paths": ["kv/exempt"]});
    server.write("sys/quotas/config", switches).await.ok();
    server.rate("kv", json!({"rate": 2, "interval": "60s", "path": "kv/"})).await;
    for left in ["1", "0"] {
        let read = server.read("kv/a").await;
        assert_eq!((read.status, read.headers["x-ratelimit-limit"].as_str()), (404, "2"));
        assert_eq!(read.headers["x-ratelimit-remaining"], left);
        assert!(read.headers.contains_key("x-ratelimit-reset"));
    }
    let refused = server.read("kv/a").await;
    refused.refused(429, "request path \"kv/a\": rate limit quota exceeded");
    assert_eq!(refused.headers["x-ratelimit-remaining"], "0");
    assert!(refused.headers["retry-after"].parse::<u64>().unwrap() <= 60);
    server.send(Verb::Read, "kv/a", "s.dead", Value::Null).await.refused(429, "kv/a");
    server.write("kv/a", json!({"x": 1})).await.refused(429, "kv/a");
    assert_eq!(server.read("kv/exempt/b").await.status, 404);
    assert_eq!(server.read("free/a").await.status, 404);
    // A closer rule is another allowance; a rule that is gone holds nobody.
    server.rate("below", json!({"rate": 1, "interval": "60s", "path": "kv/b*"})).await;
    assert_eq!((server.read("kv/b/c").await.status, server.read("kv/b/d").await.status), (404, 429));
    server.delete(&format!("{RATE}/kv")).await.ok();
    assert_eq!(server.read("kv/a").await.status, 404);
}

#[tokio::test]
async fn leases_are_counted_as_they_come_and_go() {
    let server = Server::new().await;
    let (early, _) = server.token(json!({"policies": ["default"]})).await;
    server.token(json!({"policies": ["default"], "ttl": "20m"})).await;
    server.write(&format!("{LEASES}/all"), json!({"max_leases": 1000})).await.ok();
    server.write(&format!("{LEASES}/t"), json!({"max_leases": 4, "path": "auth/token"})).await.ok();
    assert_eq!(server.counted("t").await, 2, "those that were there before it");
    assert_eq!(server.counted("all").await, 0, "the closest rule counts alone");
    server.token(json!({"policies": ["default"]})).await;
    let (parent, _) = server.token(json!({"policies": ["default"], "ttl": "30m"})).await;
    let create = async || server.write("auth/token/create", json!({"policies": ["default"]})).await;
    create().await.refused(429, "lease count quota exceeded");
    assert_eq!(server.counted("t").await, 4);
    // One that is revoked makes room, and a renewal takes none.
    server.write("auth/token/renew", json!({"token": parent})).await.ok();
    server.write("auth/token/revoke", json!({"token": early})).await.ok();
    assert_eq!(server.counted("t").await, 3);
    create().await.ok();
    create().await.refused(429, "lease count quota exceeded");
    // Several that end in one batch are given back together.
    server.write(&format!("{LEASES}/t"), json!({"max_leases": 6, "path": "auth/token"})).await.ok();
    create().await.ok();
    assert_eq!(server.counted("t").await, 5);
    server.write("sys/leases/revoke-prefix/auth/token/create", json!({})).await.ok();
    assert_eq!(server.counted("t").await, 0);
    create().await.ok();
    // A narrower limit than what there is lets nothing more through; what it counted goes to the wider rule.
    create().await.ok();
    server.write(&format!("{LEASES}/t"), json!({"max_leases": 1, "path": "auth/token"})).await.ok();
    create().await.refused(429, "lease count quota exceeded");
    assert_eq!(server.counted("t").await, 2);
    server.delete(&format!("{LEASES}/t")).await.ok();
    assert_eq!(server.counted("all").await, 2);
    assert_eq!(server.list(LEASES).await.ok()["data"]["keys"], json!(["all"]));
}

#[tokio::test]
async fn tokens_without_a_lease_do_not_count() {
    let server = Server::new().await;
    server.write(&format!("{LEASES}/all"), json!({"max_leases": 1})).await.ok();
    assert_eq!(server.counted("all").await, 0, "the root token never ends");
    for _ in 0..3 {
        server.token(json!({"policies": ["default"], "type": "batch"})).await;
    }
    assert_eq!(server.counted("all").await, 0);
    server.token(json!({"policies": ["default"]})).await;
    server.write("auth/token/create", json!({"policies": ["default"]})).await.refused(429, "quota");
    server.alone.advance(Duration::from_secs(7201));
    let (_go_on, stop) = watch::channel(false);
    let working = tokio::spawn(worker::run(server.node().clone(), stop));
    let end = Instant::now() + Duration::from_secs(20);
    let mut made = server.write("auth/token/create", json!({"policies": ["default"]})).await;
    while made.status == 429 && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(10)).await;
        made = server.write("auth/token/create", json!({"policies": ["default"]})).await;
    }
    working.abort();
    made.ok();
}
