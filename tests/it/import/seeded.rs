//! What the source holds: of everything a little, and of secrets many.

use futures::stream::{self, StreamExt};
use serde_json::{Value, json};

use super::source::Source;
use crate::harness::Client;

pub const PASSWORD: &str = "correct-horse";

/// Where the secrets of the mount lie that comes last but one: when some are there, more are still to come.
pub fn last_folder() -> String {
    "one/metadata/apps/0".to_owned()
}

/// Those of the many secrets. There is one more, and of a sixth, where there is one, no server gives the content out.
const MOUNTS: [&str; 4] = ["one", "two", "three/nested", "old"];

/// With `many` plain secrets. Answers how many there are in all.
pub async fn fill(source: &Source, many: u64) -> u64 {
    let client = &source.client;
    mounts(source).await;
    for number in 0..50 {
        let policy = format!(
            "# The {number}th.\npath \"one/data/apps/{number}/*\" {{\n  capabilities = [\"read\", \"list\"]\n}}\n"
        );
        client.post(&format!("/v1/sys/policies/acl/p{number:02}"), json!({ "policy": policy })).await.ok();
    }
    people(client).await;
    machines(client).await;
    stream::iter(0..many).for_each_concurrent(16, |number| plain(client, number)).await;
    odd(client).await + many
}

async fn mounts(source: &Source) {
    let client = &source.client;
    let versioned = json!({ "type": "kv", "options": { "version": "2" }, "description": "of the apps" });
    client.post("/v1/sys/mounts/one", versioned.clone()).await.ok();
    client.post("/v1/sys/mounts/two", versioned.clone()).await.ok();
    client.post("/v1/sys/mounts/three/nested", versioned).await.ok();
    let config = json!({
        "max_lease_ttl": "30h", "default_lease_ttl": "2h", "listing_visibility": "unauth",
        "audit_non_hmac_request_keys": ["purpose"],
    });
    client
        .post("/v1/sys/mounts/old", json!({ "type": "kv", "options": { "version": "1" }, "config": config }))
        .await
        .ok();
    client.post("/v1/sys/mounts/few%20things", json!({ "type": "kv" })).await.ok();
    if source.is_peer {
        client.post("/v1/sys/mounts/sixth", json!({ "type": "ssh" })).await.ok();
    }
    client.post("/v1/two/config", json!({ "max_versions": 3, "delete_version_after": "9000h" })).await.ok();
    client.post("/v1/sys/auth/people", json!({ "type": "userpass", "description": "by word" })).await.ok();
    let lockout = json!({ "user_lockout_config": { "lockout_threshold": "9", "lockout_duration": "10m" } });
    client.post("/v1/sys/auth/people/tune", lockout).await.ok();
    client
        .post("/v1/sys/auth/approle", json!({ "type": "approle", "config": { "default_lease_ttl": "1h" } }))
        .await
        .ok();
}

async fn people(client: &Client) {
    for number in 0..5 {
        let user = json!({
            "password": PASSWORD, "token_policies": [format!("p{number:02}")], "token_ttl": 600 + number,
            "token_bound_cidrs": if number == 4 { json!(["10.0.0.0/8"]) } else { json!([]) },
        });
        client.post(&format!("/v1/auth/people/users/user{number}"), user).await.ok();
    }
}

async fn machines(client: &Client) {
    for number in 0..5 {
        let role = json!({
            "role_id": format!("id-of-{number}"), "token_policies": ["p01", "p02"], "token_period": 3600 * number,
            "secret_id_num_uses": number, "secret_id_ttl": "40h", "local_secret_ids": number == 1,
            "secret_id_bound_cidrs": if number == 2 { json!(["127.0.0.0/8"]) } else { Value::Null },
        });
        client.post(&format!("/v1/auth/approle/role/role{number}"), role).await.ok();
        if number < 3 {
            client.post(&format!("/v1/auth/approle/role/role{number}/secret-id"), json!({})).await.ok();
        }
    }
}

/// Of one to four versions.
async fn plain(client: &Client, number: u64) {
    let mount = MOUNTS[usize::try_from(number % 4).unwrap()];
    let name = format!("apps/{}/a{number}", number % 8);
    for version in 0..=number % 4 {
        let data = json!({ "user": format!("u{number}"), "n": [number, version, 1.50], "nested": { "deep": null } });
        if mount == "old" {
            client.post(&format!("/v1/old/{name}"), data).await.ok();
        } else {
            client.post(&format!("/v1/{mount}/data/{name}"), json!({ "data": data })).await.ok();
        }
    }
}

/// Those that a simple copy would lose. Answers how many.
async fn odd(client: &Client) -> u64 {
    let write = async |path: &str, times: u64| {
        for version in 1..=times {
            client.post(&format!("/v1/one/data/{path}"), json!({ "data": { "v": version } })).await.ok();
        }
    };
    let set = async |path: &str, body: Value| client.post(&format!("/v1/one/{path}"), body).await.ok();

    set("metadata/odd/described", json!({ "custom_metadata": { "owner": "ann", "team": "é" }, "cas_required": true }))
        .await;
    let first = json!({ "data": { "v": 1 }, "options": { "cas": 0 } });
    set("data/odd/described", first).await;
    write("odd/deleted", 4).await;
    set("delete/odd/deleted", json!({ "versions": [2, 4] })).await;
    write("odd/destroyed", 4).await;
    set("destroy/odd/destroyed", json!({ "versions": [1, 3] })).await;
    write("odd/all-deleted", 2).await;
    set("delete/odd/all-deleted", json!({ "versions": [1, 2] })).await;
    set("metadata/odd/trimmed", json!({ "max_versions": 2 })).await;
    write("odd/trimmed", 6).await;
    // Made narrower after its versions were there.
    write("odd/narrowed", 5).await;
    set("metadata/odd/narrowed", json!({ "max_versions": 2 })).await;
    // More than are kept where nobody says.
    set("metadata/odd/long", json!({ "max_versions": 15 })).await;
    write("odd/long", 13).await;
    set("metadata/odd/ending", json!({ "delete_version_after": "5h" })).await;
    write("odd/ending", 2).await;
    set("metadata/odd/nothing-yet", json!({ "custom_metadata": { "a": "b" } })).await;
    write("odd/with%20space%3Fand%25sign%23", 1).await;
    // A secret and a folder of one name.
    write("odd/both", 1).await;
    write("odd/both/below", 1).await;
    client.post("/v1/one/data/odd/empty", json!({ "data": {} })).await.ok();
    let large = json!({ "big": "123456789012345678901234567890.5".parse::<serde_json::Number>().unwrap() });
    client.post("/v1/one/data/odd/number", json!({ "data": large })).await.ok();
    client.post("/v1/old/odd/ttl", json!({ "ttl": "30s", "v": 1 })).await.ok();
    client.post("/v1/few%20things/one", json!({ "v": [1] })).await.ok();
    16
}
