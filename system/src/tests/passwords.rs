//! Password policies and the tools.

use sdk::{Value, json};

use super::Server;

const POLICY: &str =
    "length = 12\nrule \"charset\" { charset = \"abc\" min-chars = 2 }\nrule \"charset\" { charset = \"01\" }";

#[tokio::test]
async fn a_policy_makes_passwords() {
    let server = Server::new().await;
    assert_eq!(server.list("sys/policies/password").await.status, 404);
    server.write("sys/policies/password/p", json!({ "policy": POLICY })).await.ok();
    assert_eq!(server.read("sys/policies/password/p").await.ok()["data"]["policy"], POLICY);
    let made = server.read("sys/policies/password/p/generate").await.ok();
    let password = made["data"]["password"].as_str().unwrap();
    assert!(password.len() == 12 && password.chars().all(|c| "abc01".contains(c)), "{password}");
    // In base64, under a name with a folder.
    let text = "bGVuZ3RoID0gOApydWxlICJjaGFyc2V0IiB7CiAgY2hhcnNldCA9ICJ4IgogIG1pbi1jaGFycyA9IDEKfQo=";
    server.write("sys/policies/password/team/q", json!({ "policy": text })).await.ok();
    assert_eq!(server.read("sys/policies/password/team/q/generate").await.ok()["data"]["password"], "xxxxxxxx");
    assert_eq!(server.list("sys/policies/password/").await.ok()["data"]["keys"], json!(["p", "team/q"]));
    assert_eq!(server.write("sys/policies/password/p/generate", json!({})).await.status, 405);
    server.delete("sys/policies/password/p").await.ok();
    server.delete("sys/policies/password/p").await.ok();
    server.read("sys/policies/password/p").await.refused(404, "does not exist");
    server.read("sys/policies/password/p/generate").await.refused(404, "does not exist");
}

#[tokio::test]
async fn a_policy_that_cannot_be_followed_is_refused() {
    let server = Server::new().await;
    let write = async |policy: Value| server.write("sys/policies/password/bad", policy).await;
    write(json!({})).await.refused(400, "policy");
    write(json!({"policy": "length = 3"})).await.refused(400, "invalid password policy: no charset");
    write(json!({"policy": "length = "})).await.refused(400, "invalid password policy");
    assert_eq!(server.read("sys/policies/password/bad").await.status, 404);
}

#[tokio::test]
async fn hashes_are_those_of_the_standards() {
    let server = Server::new().await;
    let sum = async |path: &str, asked: Value| server.write(path, asked).await.ok()["data"]["sum"].clone();
    let hello = "aGVsbG8=";
    let sha2 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    assert_eq!(sum("sys/tools/hash", json!({ "input": hello })).await, sha2);
    let asked = json!({"input": hello, "format": "base64"});
    assert_eq!(sum("sys/tools/hash", asked).await, "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=");
    let sha3 = "b87f88c72702fff1748e58b87e9141a42c0dbedc29a78cb0d4a5cd81";
    assert_eq!(sum("sys/tools/hash/sha3-224", json!({"input": hello, "algorithm": "sha2-512"})).await, sha3);
    let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(sum("sys/tools/hash", json!({})).await, nothing);
    let refused = async |asked: Value, naming| server.write("sys/tools/hash", asked).await.refused(400, naming);
    refused(json!({"input": hello, "algorithm": "md5"}), "md5").await;
    refused(json!({"input": hello, "format": "octal"}), "octal").await;
    refused(json!({"input": "%%%"}), "base64").await;
    assert_eq!(server.read("sys/tools/hash").await.status, 405);
}

#[tokio::test]
async fn random_bytes_are_as_many_as_asked() {
    let server = Server::new().await;
    for (path, asked, length) in [
        ("sys/tools/random", json!({"format": "hex"}), 64),
        ("sys/tools/random", json!({"format": "hex", "bytes": 3}), 6),
        ("sys/tools/random/7", json!({"format": "hex"}), 14),
        ("sys/tools/random/all/8", json!({"format": "hex"}), 16),
        ("sys/tools/random/seal", json!({"format": "hex", "bytes": "2"}), 4),
        ("sys/tools/random/4", json!({}), 8),
    ] {
        let answer = server.write(path, asked).await.ok();
        assert_eq!(answer["data"]["random_bytes"].as_str().unwrap().len(), length, "{path}");
        assert_eq!(answer["warnings"].is_null(), !path.contains("seal"), "{path}");
    }
    for (path, asked, naming) in [
        ("sys/tools/random/nope", json!({}), "nope"),
        ("sys/tools/random/nope/5", json!({}), "nope"),
        ("sys/tools/random/all/x", json!({}), "x"),
        ("sys/tools/random", json!({"bytes": 0}), "less than 1"),
        ("sys/tools/random", json!({"bytes": 200_000}), "131072"),
        ("sys/tools/random", json!({"format": "octal"}), "octal"),
    ] {
        server.write(path, asked).await.refused(400, naming);
    }
}
