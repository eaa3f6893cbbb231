//! Names that look like others: none of them gives the rights of `root`, and none reaches a record of another name.

use serde_json::{Value, json};

use super::lasting;
use crate::harness::{Client, Cluster, Transport};

/// What somebody may take for `root`, or the server by mistake.
const ROOTS: &[&str] = &[
    "root",
    "Root",
    "ROOT",
    " root",
    "root ",
    "\troot",
    "root\n",
    "root\u{a0}",
    "\u{3000}root",
    "ｒｏｏｔ",
    "root\u{200b}",
    "\u{feff}root",
    "ro\u{ad}ot",
    "r\u{43e}\u{43e}t",
    "root/",
    concat!("/", "root"),
    "root\\",
    "root,",
    "root,root",
    "root,x",
    "x,Root",
];

/// What looks like `ann`, and is none of hers where case does not count either.
const ANNS: &[&str] = &[
    " ann",
    "ann ",
    "\u{a0}ann",
    "ann\u{3000}",
    "ａｎｎ",
    "ann\u{200b}",
    "\u{feff}ann",
    "a\u{ad}nn",
    "\u{430}nn",
    "an\u{301}n",
    "ann/",
    "ann\\",
    "ann%20",
    "\u{202e}nna",
    "ann\u{fe0f}",
];

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() || b == b'/' { char::from(b).to_string() } else { format!("%{b:02x}") })
        .collect()
}

/// That a token may do nothing.
async fn powerless(client: &Client, token: &str, what: &str) {
    let holder = client.with_token(token);
    for path in ["/v1/kv/x", "/v1/sys/policies/acl", "/v1/sys/auth"] {
        let answer = holder.get(path).await;
        assert_eq!(answer.status, 403, "{what}: {path}: {}", answer.body);
    }
    let asked = holder.post("/v1/sys/capabilities-self", json!({"paths": ["kv/x"]})).await;
    assert!(!asked.body.to_string().contains("root"), "{what}: {}", asked.body);
    let own = holder.get("/v1/auth/token/lookup-self").await;
    let policies = own.body["data"]["policies"].as_array().into_iter().flatten();
    let more = own.body["data"]["identity_policies"].as_array().into_iter().flatten();
    assert!(!policies.chain(more).any(|name| name == "root"), "{what}: {}", own.body);
}

/// The token of an answer, if it has one.
fn token(answer: &Value) -> Option<String> {
    answer["auth"]["client_token"].as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_root_gives_its_rights() {
    let cluster = Cluster::serving(1, Transport::Plain).await;
    cluster.root(0).post("/v1/sys/namespaces/team", json!({})).await.ok();
    for namespace in ["", "team"] {
        let (root, nobody) = (cluster.root(0).within(namespace), cluster.nodes[0].client().within(namespace));
        root.post("/v1/sys/mounts/kv", json!({"type": "kv"})).await.ok();
        root.post("/v1/kv/x", json!({"v": 1})).await.ok();
        for kind in ["userpass", "approle"] {
            root.post(&format!("/v1/sys/auth/{kind}"), json!({"type": kind})).await.ok();
        }
        let all = json!({"policy": "path \"*\" { capabilities = [\"create\", \"read\", \"update\", \"delete\", \"list\", \"sudo\"] }"});
        root.post("/v1/sys/policies/acl/admin", all).await.ok();
        let admin = root.post("/v1/auth/token/create-orphan", json!({"policies": ["admin"]})).await.ok();
        let admin = nobody.with_token(&token(&admin).unwrap());
        for (n, name) in ROOTS.iter().enumerate() {
            let what = format!("{name:?} in {namespace:?}");
            let mut made = 0;
            // A policy of that name says nothing of root.
            root.post(&format!("/v1/sys/policies/acl/{}", encoded(name)), json!({"policy": ""})).await;
            for body in [json!([name]), json!(name), json!(["x", name])] {
                for path in ["create", "create-orphan"] {
                    let answer = admin.post(&format!("/v1/auth/token/{path}"), json!({"policies": body})).await;
                    if let Some(token) = token(&answer.body) {
                        made += 1;
                        powerless(&nobody, &token, &format!("token of {what}")).await;
                    }
                }
            }
            for field in ["allowed_policies", "allowed_policies_glob"] {
                admin.post(&format!("/v1/auth/token/roles/r{n}"), json!({field: [name]})).await;
                for body in [
                    json!({"policies": [name]}),
                    json!({"policies": ["root"]}),
                    json!({"policies": ["Root "]}),
                    json!({}),
                ] {
                    let answer = admin.post(&format!("/v1/auth/token/create/r{n}"), body).await;
                    // Without policies they are the admin's own.
                    let Some(token) = token(&answer.body) else { continue };
                    let own = nobody.with_token(&token).get("/v1/auth/token/lookup-self").await.ok();
                    let policies = own["data"]["policies"].as_array().unwrap();
                    assert!(!policies.iter().any(|policy| policy == "root"), "role of {what}: {own}");
                }
            }
            for field in ["token_policies", "policies"] {
                let user = json!({"password": "pw", field: [name]});
                root.post(&format!("/v1/auth/userpass/users/u{n}{field}"), user).await;
                let login =
                    nobody.post(&format!("/v1/auth/userpass/login/u{n}{field}"), json!({"password": "pw"})).await;
                if let Some(token) = token(&login.body) {
                    powerless(&nobody, &token, &format!("user of {what}")).await;
                }
                let role = format!("/v1/auth/approle/role/a{n}{field}");
                if root.post(&role, json!({field: [name]})).await.status < 300 {
                    let id = root.get(&format!("{role}/role-id")).await.ok()["data"]["role_id"].clone();
                    let secret =
                        root.post(&format!("{role}/secret-id"), json!({})).await.ok()["data"]["secret_id"].clone();
                    let login =
                        nobody.post("/v1/auth/approle/login", json!({"role_id": id, "secret_id": secret})).await;
                    if let Some(token) = token(&login.body) {
                        powerless(&nobody, &token, &format!("role of {what}")).await;
                    }
                }
            }
            // By the entity of somebody who logs in, and by a group.
            root.post("/v1/auth/userpass/users/ann", json!({"password": "pw"})).await.ok();
            let ann = nobody.post("/v1/auth/userpass/login/ann", json!({"password": "pw"})).await.ok();
            let entity = ann["auth"]["entity_id"].as_str().unwrap();
            root.post(&format!("/v1/identity/entity/id/{entity}"), json!({"policies": [name]})).await;
            powerless(&nobody, &token(&ann).unwrap(), &format!("entity of {what}")).await;
            root.post("/v1/identity/group/name/all", json!({"policies": [name], "member_entity_ids": [entity]})).await;
            powerless(&nobody, &token(&ann).unwrap(), &format!("group of {what}")).await;
            let again = nobody.post("/v1/auth/userpass/login/ann", json!({"password": "pw"})).await;
            if let Some(token) = token(&again.body) {
                powerless(&nobody, &token, &format!("login of {what}")).await;
            }
            root.post(&format!("/v1/identity/entity/id/{entity}"), json!({"policies": []})).await.ok();
            root.post("/v1/identity/group/name/all", json!({"policies": []})).await.ok();
            // A name that is a policy like any other is one that a token may have.
            assert!(made > 0 || name.to_lowercase().contains("root"), "{what}: no token was made");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_a_name_reaches_another_record() {
    let cluster = Cluster::serving(1, Transport::Plain).await;
    let (root, nobody) = (cluster.root(0), cluster.nodes[0].client());
    for kind in ["userpass", "approle"] {
        root.post(&format!("/v1/sys/auth/{kind}"), json!({"type": kind})).await.ok();
    }
    let other = json!({"policy": "path \"other\" { capabilities = [\"read\"] }"});
    for (folder, body, else_body) in [
        ("sys/policies/acl", json!({"policy": "path \"a\" { capabilities = [\"read\"] }"}), other),
        (
            "auth/userpass/users",
            json!({"password": "pw", "token_policies": ["a"]}),
            json!({"password": "other", "token_policies": ["other"]}),
        ),
        ("auth/approle/role", json!({"token_policies": ["a"]}), json!({"token_policies": ["other"]})),
        ("auth/token/roles", json!({"path_suffix": "the-one"}), json!({"path_suffix": "the-other"})),
        ("identity/entity/name", json!({"policies": ["a"]}), json!({"policies": ["other"], "disabled": true})),
        ("identity/group/name", json!({"policies": ["a"]}), json!({"policies": ["other"]})),
        ("sys/namespaces", json!({"custom_metadata": {"of": "ann"}}), json!({"custom_metadata": {"of": "another"}})),
    ] {
        let ann = format!("/v1/{folder}/ann");
        root.post(&ann, body).await.ok();
        let before = lasting(root.get(&ann).await.ok());
        // A namespace's name may be written with a slash behind it.
        for name in ANNS.iter().filter(|name| folder != "sys/namespaces" || !name.ends_with('/')) {
            let path = format!("/v1/{folder}/{}", encoded(name));
            if folder == "auth/userpass/users" {
                let login =
                    nobody.post(&format!("/v1/auth/userpass/login/{}", encoded(name)), json!({"password": "pw"})).await;
                assert!(
                    matches!(login.status, 400 | 403 | 404),
                    "{name:?} logs in as ann: {} {}",
                    login.status,
                    login.body
                );
            }
            let written = root.post(&path, else_body.clone()).await;
            assert!(written.status < 500, "{path}: {} {}", written.status, written.body);
            if let ("identity/entity/name" | "identity/group/name", Some(folder)) =
                (folder, folder.strip_suffix("/name"))
            {
                let mut named = else_body.clone();
                named["name"] = json!(name);
                let written = root.post(&format!("/v1/{folder}"), named).await;
                assert!(written.status < 500, "{name:?}: {} {}", written.status, written.body);
            }
            assert_eq!(before, lasting(root.get(&ann).await.ok()), "{folder}: by {name:?}");
            let removed = root.delete(&path).await;
            assert!(removed.status < 500, "{path}: {} {}", removed.status, removed.body);
            assert_eq!(before, lasting(root.get(&ann).await.ok()), "{folder}: {name:?} was removed");
        }
    }
    let login = nobody.post("/v1/auth/userpass/login/ann", json!({"password": "pw"})).await.ok();
    assert!(login["auth"]["policies"].as_array().unwrap().contains(&json!("a")), "{login}");
}

/// Whoever has all rights in a namespace has none elsewhere, whatever it is called and whatever it says.
#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_a_namespace_is_the_root() {
    let cluster = Cluster::serving(1, Transport::Plain).await;
    let root = cluster.root(0);
    root.post("/v1/sys/mounts/kv", json!({"type": "kv"})).await.ok();
    root.post("/v1/kv/x", json!({"v": "of the root"})).await.ok();
    for name in ROOTS.iter().chain(&["team"]) {
        let made = root.post(&format!("/v1/sys/namespaces/{}", encoded(name)), json!({})).await;
        assert!(made.status < 500, "{name:?}: {} {}", made.status, made.body);
        if made.status != 200 {
            continue;
        }
        assert!(!name.eq_ignore_ascii_case("root"), "a namespace is called {name:?}");
        let made =
            root.post(&format!("/v1/{}/auth/token/create-orphan", encoded(name)), json!({"policies": ["root"]})).await;
        assert_eq!(made.status, 400, "a root token from above: {}", made.body);
        let all = json!({"policy": "path \"*\" { capabilities = [\"create\", \"read\", \"update\", \"delete\", \"list\", \"sudo\"] }"});
        root.post(&format!("/v1/{}/sys/policies/acl/admin", encoded(name)), all).await.ok();
        let made = root
            .post(&format!("/v1/{}/auth/token/create-orphan", encoded(name)), json!({"policies": ["admin"]}))
            .await
            .ok();
        let admin = cluster.nodes[0].client().with_token(&token(&made).unwrap());
        assert_eq!(admin.get(&format!("/v1/{}/sys/mounts", encoded(name))).await.status, 200, "{name:?}");
        for header in [
            "",
            "root",
            "Root",
            "ROOT",
            "root/",
            concat!("/", "root"),
            concat!("//", "root//"),
            "%72oot",
            "r%6fot",
            "root/root",
            ".",
        ] {
            for path in ["/v1/kv/x", "/v1/sys/mounts", "/v1/sys/policies/acl", "/v1/root/kv/x", "/v1/Root/kv/x"] {
                let answer = admin.within(header).get(path).await;
                assert!(
                    matches!(answer.status, 400 | 403 | 404),
                    "{name:?} at {path} of {header:?}: {} {}",
                    answer.status,
                    answer.body
                );
            }
        }
        let inside =
            admin.post(&format!("/v1/{}/auth/token/create", encoded(name)), json!({"policies": ["root"]})).await;
        assert_eq!(inside.status, 400, "{name:?}: {}", inside.body);
    }
}
