//! Both sides read back, without the product's own code, and compared.

use serde_json::{Map, Value, json};

use crate::harness::Client;

pub async fn same_on_both_sides(source: &Client, target: &Client) {
    let mut secrets = 0;
    for mount in ["one", "two", "three/nested"] {
        let names = below(source, &format!("{mount}/metadata")).await;
        assert_eq!(names, below(target, &format!("{mount}/metadata")).await, "{mount}");
        for name in &names {
            same_secret(source, target, mount, name).await;
        }
        secrets += names.len();
        same(source, target, &format!("{mount}/config"), &["max_versions", "cas_required", "delete_version_after"])
            .await;
    }
    same(source, target, "few%20things/one", &["v"]).await;
    let names = below(source, "old").await;
    assert_eq!(names, below(target, "old").await);
    for name in &names {
        let path = format!("/v1/old/{name}");
        assert_eq!(source.get(&path).await.ok()["data"], target.get(&path).await.ok()["data"], "{path}");
    }
    assert!(secrets > 90 && names.len() > 20, "{secrets} and {}", names.len());

    for number in 0..50 {
        same(source, target, &format!("sys/policies/acl/p{number:02}"), &["policy"]).await;
    }
    for mount in ["one", "two", "three/nested", "old", "few%20things"] {
        let fields = [
            "description",
            "options",
            "default_lease_ttl",
            "max_lease_ttl",
            "listing_visibility",
            "audit_non_hmac_request_keys",
        ];
        same(source, target, &format!("sys/mounts/{mount}/tune"), &fields).await;
    }
    let fields = ["description", "default_lease_ttl", "token_type", "user_lockout_threshold", "user_lockout_duration"];
    for method in ["people", "approle"] {
        same(source, target, &format!("sys/auth/{method}/tune"), &fields).await;
    }
    let of_tokens =
        ["token_policies", "token_ttl", "token_period", "token_bound_cidrs", "token_type", "token_num_uses"];
    let of_roles =
        ["bind_secret_id", "local_secret_ids", "secret_id_bound_cidrs", "secret_id_num_uses", "secret_id_ttl"];
    for number in 0..5 {
        same(source, target, &format!("auth/people/users/user{number}"), &of_tokens).await;
        let role = format!("auth/approle/role/role{number}");
        same(source, target, &role, &of_tokens).await;
        same(source, target, &role, &of_roles).await;
        same(source, target, &format!("{role}/role-id"), &["role_id"]).await;
    }
}

async fn same(source: &Client, target: &Client, path: &str, fields: &[&str]) {
    let read = async |client: &Client| {
        let shown = client.get(&format!("/v1/{path}")).await.ok();
        let field = |name: &&str| (name.to_string(), plain(&shown["data"][*name]));
        fields.iter().map(field).collect::<Map<String, Value>>()
    };
    let there = read(source).await;
    assert!(there.values().any(|value| *value != json!("")), "{path} shows nothing");
    assert_eq!(there, read(target).await, "{path}");
}

/// Servers show an empty list in two ways.
fn plain(value: &Value) -> Value {
    if value.is_null() || *value == json!([]) { json!("") } else { value.clone() }
}

async fn same_secret(source: &Client, target: &Client, mount: &str, name: &str) {
    let name = encoded(name);
    let metadata = format!("/v1/{mount}/metadata/{name}");
    let (there, here) =
        (source.get(&metadata).await.ok()["data"].clone(), target.get(&metadata).await.ok()["data"].clone());
    for field in ["current_version", "custom_metadata", "max_versions", "cas_required", "delete_version_after"] {
        assert_eq!(there[field], here[field], "{metadata}: {field}");
    }
    let numbers = |shown: &Value| shown["versions"].as_object().map(|all| all.keys().cloned().collect::<Vec<_>>());
    assert_eq!(numbers(&there), numbers(&here), "{metadata}");
    for number in numbers(&there).unwrap() {
        let path = format!("/v1/{mount}/data/{name}?version={number}");
        let (theirs, ours) = (source.get(&path).await, target.get(&path).await);
        assert_eq!(theirs.status, ours.status, "{path}");
        assert_eq!(theirs.body["data"]["data"], ours.body["data"]["data"], "{path}");
        if theirs.status == 404 {
            assert_eq!(ours.body["data"]["metadata"]["destroyed"], true, "{path}: nothing is there to bring back");
        }
        let ends = |answer: &Value| answer["data"]["metadata"]["deletion_time"] != "";
        assert!(theirs.status == 404 || ends(&theirs.body) == ends(&ours.body), "{path}");
    }
}

/// All names below a folder, sorted.
async fn below(client: &Client, folder: &str) -> Vec<String> {
    let (mut folders, mut found) = (vec![String::new()], Vec::new());
    while let Some(inside) = folders.pop() {
        let listed = client.list(&format!("/v1/{folder}/{}", encoded(&inside))).await.ok();
        for key in listed["data"]["keys"].as_array().unwrap() {
            let name = format!("{inside}{}", key.as_str().unwrap());
            if name.ends_with('/') { folders.push(name) } else { found.push(name) }
        }
    }
    found.sort();
    found
}

fn encoded(name: &str) -> String {
    name.replace('%', "%25").replace('?', "%3F").replace('#', "%23").replace(' ', "%20")
}
