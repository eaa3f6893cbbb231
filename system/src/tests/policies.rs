//! `sys/policies/acl`: versions, ends, settings, and what a writer is told.

use std::time::Duration;

use sdk::{Value, Verb, json};

use super::Server;

const P: &str = "sys/policies/acl/p";
const READ: &str = "path \"box/a\" { capabilities = [\"read\"] }";

#[tokio::test]
async fn a_write_says_which_version_it_replaces() {
    let server = Server::new().await;
    server.write(P, json!({"policy": READ, "cas": 0, "cas_required": true})).await.ok();
    server.write(P, json!({"policy": READ})).await.refused(400, "check-and-set parameter required");
    server.write(P, json!({"policy": READ, "cas": -1})).await.refused(400, "set to -1 on existing entry");
    server.write(P, json!({"policy": READ, "cas": 7})).await.refused(400, "did not match the current version");
    server.write("sys/policies/acl/q", json!({"policy": READ, "cas_required": true})).await.refused(400, "required");
    server.write(P, json!({"policy": READ, "cas": 1})).await.ok();
    let read = server.read(P).await.ok();
    assert_eq!((&read["data"]["version"], &read["data"]["cas_required"]), (&json!(2), &json!(false)));
    assert_eq!(server.read("sys/policies/acl/root").await.ok()["data"]["policy"], "");
}

#[tokio::test]
async fn a_patch_leaves_what_it_does_not_say() {
    let server = Server::new().await;
    server.write(P, json!({"policy": READ, "cas_required": true, "cas": -1, "ttl": "1h"})).await.ok();
    let patch = |body: Value| server.patch(P, body);
    // One that says nothing is no request; one that says something else is of another kind.
    server.send(Verb::Patch, P, &server.root, json!({"cas": 1})).await.refused(400, "merge-patch");
    patch(json!({"cas": 9})).await.refused(400, "did not match");
    patch(json!({"policy": ""})).await.refused(400, "not supplied or empty");
    let answer = patch(json!({"allow_slashes_in_identity_templates": true})).await;
    assert_eq!((answer.status, &answer.body["data"]), (200, &Value::Null));
    let data = server.read(P).await.ok()["data"].clone();
    assert_eq!((&data["policy"], &data["version"], &data["cas_required"]), (&json!(READ), &json!(2), &json!(true)));
    assert_eq!(data["allow_slashes_in_identity_templates"], true);
    assert!(data["expiration"].is_string());
    server.patch("sys/policies/acl/none", json!({"policy": READ})).await.refused(404, "policy not found");
}

#[tokio::test]
async fn a_policy_ends_for_those_who_have_it() {
    let server = Server::new().await;
    let writes = [
        (json!({"policy": READ, "expiration": "2001-01-01T00:00:00Z"}), "already elapsed"),
        (json!({"policy": READ, "expiration": "2099-01-01T00:00:00Z", "ttl": "1h"}), "cannot supply both"),
        (json!({"policy": READ, "expiration": "whenever"}), "seconds since 1970"),
        (json!({"policy": READ, "ttl": 0}), "already elapsed"),
    ];
    for (body, naming) in writes {
        server.write(P, body).await.refused(400, naming);
    }
    server.write("sys/mounts/box", json!({"type": "box"})).await.ok();
    server.write("box/a", json!({"v": 1})).await.ok();
    server.write(P, json!({"policy": READ, "ttl": "10m"})).await.ok();
    let (token, _) = server.token(json!({"policies": ["p"], "ttl": "1h"})).await;
    server.send(Verb::Read, "box/a", &token, Value::Null).await.ok();
    server.alone.advance(Duration::from_secs(600));
    server.send(Verb::Read, "box/a", &token, Value::Null).await.refused(403, "permission denied");
    assert_eq!(server.read(P).await.status, 404);
    // It begins anew, and the old one's end is not its end.
    server.write(P, json!({"policy": READ, "cas": -1})).await.ok();
    assert_eq!(server.read(P).await.ok()["data"]["version"], 1);
    server.send(Verb::Read, "box/a", &token, Value::Null).await.ok();
}

#[tokio::test]
async fn a_writer_is_told_what_a_policy_does_not_mean() {
    let server = Server::new().await;
    server.write("sys/mounts/kv2", json!({"type": "box", "options": {"version": "2"}})).await.ok();
    let warned = |policy: &str| {
        let body = json!({"policy": policy});
        let write = server.write(P, body);
        async move { write.await.ok()["warnings"].as_array().cloned().unwrap_or_default() }
    };
    let text = "path \"kv2/data/a\" { policy = \"read\" }\npath \"kv2/app\" { policy = \"read\" }";
    let warnings = warned(text).await;
    let [Value::String(warning)] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert!(warning.starts_with("line 2: ") && warning.contains("kv2/data/app"), "{warning}");
    assert_eq!(warned("path \"kv/{{identity.entity.nam}}\" { policy = \"read\" }").await.len(), 1);
    assert_eq!(warned("path \"a\" { policy = \"read\" }\npath \"a\" { policy = \"deny\" }").await.len(), 1);
    let fine =
        "path \"kv2/*\" { policy = \"read\" }\npath \"a\" { policy = \"read\" }\npath \"a\" { policy = \"write\" }";
    assert_eq!(server.write(P, json!({"policy": fine})).await.status, 204);
}

#[tokio::test]
async fn templates_match_nobody_while_nobody_is_an_entity() {
    let server = Server::new().await;
    server.policy("p", "path \"box/{{identity.entity.name}}\" { capabilities = [\"read\"] }\npath \"box/b\" { capabilities = [\"read\"] }").await;
    let (token, _) = server.token(json!({"policies": ["p"]})).await;
    let asked = json!({"paths": ["box/{{identity.entity.name}}", "box/", "box/b"]});
    let got = server.send(Verb::Write, "sys/capabilities-self", &token, asked).await.ok();
    assert_eq!(got["data"]["box/{{identity.entity.name}}"], json!(["deny"]));
    assert_eq!(got["data"]["box/"], json!(["deny"]));
    assert_eq!(got["data"]["box/b"], json!(["read"]));
}

#[tokio::test]
async fn all_policies_are_listed_with_what_they_say() {
    let server = Server::new().await;
    server.policy("p", READ).await;
    let listed = server.list("sys/policies/detailed/acl").await.ok();
    assert!(listed["data"]["keys"].as_array().unwrap().contains(&json!("root")));
    assert_eq!(listed["data"]["key_info"]["p"]["policy"], READ);
    let older = server.read("sys/policy/p").await.ok();
    assert_eq!((&older["data"]["rules"], &older["rules"]), (&json!(READ), &json!(READ)));
    assert!(older["data"].get("policy").is_none());
}
