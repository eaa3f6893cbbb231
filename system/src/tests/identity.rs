//! `identity/`, and what it does to tokens. Entities come by aliases of a token role here.

use sdk::{Value, Verb, json};

use super::Server;

/// A token of the entity that the alias is of, and the entity's id.
async fn arrive(server: &Server, alias: &str) -> (String, String) {
    server.write("auth/token/roles/r", json!({"allowed_entity_aliases": "*", "orphan": true})).await.ok();
    let asked = json!({"entity_alias": alias, "policies": ["default", "own"]});
    let made = server.write("auth/token/create/r", asked).await.ok();
    let text = |name: &str| made["auth"][name].as_str().unwrap().to_owned();
    (text("client_token"), text("entity_id"))
}

async fn read(server: &Server, path: &str, token: &str) -> u16 {
    server.send(Verb::Read, path, token, Value::Null).await.status
}

async fn with_boxes(server: &Server) {
    server.write("sys/mounts/box", json!({"type": "box"})).await.ok();
    for name in ["a", "b", "c"] {
        server.write(&format!("box/{name}"), json!({"v": 1})).await.ok();
        let text = format!("path \"box/{name}\" {{ capabilities = [\"read\"] }}");
        server.policy(&format!("may-{name}"), &text).await;
    }
}

async fn made(server: &Server, path: &str, body: Value) -> String {
    server.write(path, body).await.ok()["data"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn policies_of_an_entity_and_its_groups_count_with_the_next_request() {
    let server = Server::new().await;
    with_boxes(&server).await;
    let (token, ann) = arrive(&server, "ann").await;
    let may = async || {
        let mut may = Vec::new();
        for name in ["a", "b"] {
            may.push(read(&server, &format!("box/{name}"), &token).await == 200);
        }
        may
    };
    assert_eq!(may().await, [false, false]);
    let of_ann = format!("identity/entity/id/{ann}");
    server.write(&of_ann, json!({"policies": ["may-a"]})).await.ok();
    assert_eq!(may().await, [true, false]);
    let inner = made(&server, "identity/group", json!({"name": "inner", "member_entity_ids": [ann]})).await;
    made(&server, "identity/group", json!({"name": "outer", "member_group_ids": inner, "policies": "may-b"})).await;
    assert_eq!(may().await, [true, true]);
    let shown = server.send(Verb::Read, "auth/token/lookup-self", &token, Value::Null).await.ok()["data"].clone();
    assert_eq!(shown["identity_policies"], json!(["may-a", "may-b"]));
    assert_eq!((&shown["policies"], &shown["external_namespace_policies"]), (&json!(["default", "own"]), &json!({})));
    let asked = json!({"token": token, "paths": ["box/a", "box/b", "box/c"]});
    let able = server.write("sys/capabilities", asked).await.ok();
    assert_eq!((&able["box/b"], &able["box/c"]), (&json!(["read"]), &json!(["deny"])));
    let asked = json!({"token": token, "path": "box/b", "operation": "read"});
    let told = server.write("sys/policy/explain", asked).await.ok()["data"].clone();
    assert_eq!((&told["allowed"], &told["policies"]), (&json!(true), &json!(["default", "may-a", "may-b", "own"])));
    server.policy("never-a", "path \"box/a\" { capabilities = [\"deny\"] }").await;
    server.write("identity/group/name/outer", json!({"policies": ["never-a"]})).await.ok();
    assert_eq!(may().await, [false, false]);
    server.delete("identity/group/name/outer").await.ok();
    server.write(&of_ann, json!({"policies": []})).await.ok();
    assert_eq!(may().await, [false, false]);
}

#[tokio::test]
async fn a_disabled_or_deleted_entity_s_tokens_are_refused_at_once() {
    let server = Server::new().await;
    let (token, ann) = arrive(&server, "ann").await;
    let (other, _) = arrive(&server, "bob").await;
    let of_ann = format!("identity/entity/id/{ann}");
    let child = server.send(Verb::Write, "auth/token/create", &token, json!({})).await;
    assert_eq!(child.status, 403, "no policy lets it");
    for (disabled, lives) in [(true, false), (false, true)] {
        server.write(&of_ann, json!({"disabled": disabled})).await.ok();
        assert_eq!((server.lives(&token).await, server.lives(&other).await), (lives, true));
        let again = server.write("auth/token/create/r", json!({"entity_alias": "ANN"})).await;
        assert_eq!(again.status, if lives { 200 } else { 403 });
        let asked = server.write("sys/capabilities", json!({"token": token, "paths": "x"})).await;
        assert_eq!(asked.status, if lives { 200 } else { 403 });
        let shown = server.write("auth/token/lookup", json!({"token": token})).await.ok();
        assert_eq!(shown["data"]["entity_id"], json!(ann), "whoever may look sees it all the same");
    }
    server.delete(&of_ann).await.ok();
    assert_eq!((server.lives(&token).await, server.lives(&other).await), (false, true));
    assert_ne!(arrive(&server, "ann").await.1, ann);
}

#[tokio::test]
async fn a_child_is_of_its_parent_s_entity_and_an_orphan_of_none() {
    let server = Server::new().await;
    server.policy("own", "path \"auth/token/*\" { capabilities = [\"update\", \"sudo\"] }").await;
    let (token, ann) = arrive(&server, "ann").await;
    server.write(&format!("identity/entity/id/{ann}"), json!({"policies": ["e"]})).await.ok();
    for (path, kind, entity, gives) in [
        ("auth/token/create", "service", ann.as_str(), json!(["e"])),
        ("auth/token/create", "batch", ann.as_str(), json!(["e"])),
        ("auth/token/create-orphan", "service", "", Value::Null),
    ] {
        let asked = json!({"policies": ["default"], "type": kind});
        let auth = server.send(Verb::Write, path, &token, asked).await.ok()["auth"].clone();
        assert_eq!((&auth["entity_id"], &auth["identity_policies"]), (&json!(entity), &gives), "{path} {kind}");
        assert_eq!(auth["token_policies"], json!(["default"]), "what the entity gives is not the token's own");
    }
    let refused = server.send(Verb::Write, "auth/token/create", &token, json!({"policies": ["e", "more"]})).await;
    assert_eq!(refused.status, 200, "who has sudo may");
    server.write("auth/token/create", json!({"entity_alias": "ann"})).await.refused(400, "role");
    server.write("auth/token/roles/r", json!({"allowed_entity_aliases": "web-*"})).await.ok();
    server.write("auth/token/create/r", json!({"entity_alias": "ann"})).await.refused(400, "entity_alias");
    server.write("auth/token/create/r", json!({"entity_alias": "Web-1"})).await.ok();
}

#[tokio::test]
async fn two_entities_never_share_what_a_template_came_to() {
    let server = Server::new().await;
    server.write("sys/mounts/box", json!({"type": "box"})).await.ok();
    let rules = ["{{identity.entity.name}}", "{{identity.entity.metadata.team}}", "{{identity.groups.names.g.id}}"]
        .map(|selector| format!("path \"box/{selector}\" {{ capabilities = [\"read\", \"create\"] }}"));
    server.policy("own", &rules.join("\n")).await;
    let ((of_ann, ann), (of_bob, bob)) = (arrive(&server, "ann").await, arrive(&server, "bob").await);
    let able = async |token: &str, paths: &[&str]| {
        let able = server.send(Verb::Write, "sys/capabilities-self", token, json!({"paths": paths})).await.ok();
        paths.iter().map(|path| able[*path] != json!(["deny"])).collect::<Vec<_>>()
    };
    for (id, name) in [(&ann, "ann"), (&bob, "bob")] {
        let body = json!({"name": name, "metadata": {"team": format!("of-{name}")}});
        server.write(&format!("identity/entity/id/{id}"), body).await.ok();
    }
    let paths = ["box/ann", "box/bob", "box/of-ann", "box/of-bob"];
    for _ in 0..2 {
        assert_eq!(able(&of_ann, &paths).await, [true, false, true, false]);
        assert_eq!(able(&of_bob, &paths).await, [false, true, false, true]);
    }
    let group = made(&server, "identity/group", json!({"name": "g", "member_entity_ids": [ann]})).await;
    let of_group = format!("box/{group}");
    assert_eq!((able(&of_ann, &[&of_group]).await, able(&of_bob, &[&of_group]).await), (vec![true], vec![false]));
    // What a value would make of the path, it does not.
    for name in ["*", "a*", "+", "x/y"] {
        server.write(&format!("identity/entity/id/{ann}"), json!({"name": name})).await.ok();
        assert_eq!(able(&of_ann, &["box/zzz", "box/x/y", "box/bob"]).await, [false, false, false], "{name}");
    }
}

#[tokio::test]
async fn entities_are_found_by_whatever_is_known_of_them() {
    let server = Server::new().await;
    let (_, ann) = arrive(&server, "Ann").await;
    server.write(&format!("identity/entity/id/{ann}"), json!({"name": "Ann of A"})).await.ok();
    let entity = server.read(&format!("identity/entity/id/{ann}")).await.ok()["data"].clone();
    let alias = &entity["aliases"][0];
    assert_eq!((&alias["mount_path"], &alias["mount_type"]), (&json!("auth/token/"), &json!("token")));
    for query in [
        json!({"id": ann}),
        json!({"name": "ANN OF A"}),
        json!({"alias_id": alias["id"]}),
        json!({"alias_name": "ann", "alias_mount_accessor": alias["mount_accessor"]}),
    ] {
        assert_eq!(
            server.write("identity/lookup/entity", query.clone()).await.ok()["data"]["id"],
            json!(ann),
            "{query}"
        );
        assert_eq!(server.write("identity/lookup/group", query).await.status, 204);
    }
    for (query, naming) in [
        (json!({}), "not supplied"),
        (json!({"id": ann, "name": "x"}), "conflict"),
        (json!({"alias_name": "ann"}), "needs to be set"),
        (json!({"alias_mount_accessor": "ann"}), "needs to be set"),
    ] {
        server.write("identity/lookup/entity", query.clone()).await.refused(400, naming);
        server.write("identity/lookup/group", query).await.refused(400, naming);
    }
    let listed = server.list("identity/entity/id").await.ok()["data"].clone();
    assert_eq!(listed["key_info"][&ann]["aliases"][0]["name"], "Ann");
    assert_eq!(server.list("identity/entity/name").await.ok()["data"]["keys"], json!(["Ann of A"]));
    let one = server.send(Verb::List, "identity/entity/name", &server.root, json!({"after": "ann of a"})).await;
    assert_eq!(one.status, 404, "nothing is behind it");
    let counted = server.read("sys/internal/counters/entities").await.ok();
    assert_eq!(counted["data"]["counters"]["entities"]["total"], 1);
}

#[tokio::test]
async fn many_entities_go_at_once_or_none() {
    let server = Server::new().await;
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(made(&server, "identity/entity", json!({"name": format!("e{n}")})).await);
    }
    let delete = async |ids: Value| server.write("identity/entity/batch-delete", json!({"entity_ids": ids})).await;
    delete(json!([])).await.refused(400, "missing");
    delete(json!(vec!["x"; 1001])).await.refused(400, "1000");
    assert_eq!(delete(json!([ids[0], "nobody", ids[2]])).await.status, 204);
    assert_eq!(server.list("identity/entity/name").await.ok()["data"]["keys"], json!(["e1"]));
}

#[tokio::test]
async fn aliases_are_at_mounts_that_are_there() {
    let server = Server::new().await;
    server.write("sys/auth/up", json!({"type": "userpass"})).await.ok();
    let accessor = server.read("sys/auth").await.ok()["data"]["up/"]["accessor"].as_str().unwrap().to_owned();
    let write = async |body: Value| server.write("identity/entity-alias", body).await;
    write(json!({"name": "ann", "mount_accessor": "auth_userpass_0"})).await.refused(400, "invalid mount accessor");
    let secret = server.read("sys/mounts").await.ok()["data"]["sys/"]["accessor"].clone();
    write(json!({"name": "ann", "mount_accessor": secret})).await.refused(400, "invalid mount accessor");
    let alias = made(&server, "identity/entity-alias", json!({"name": "ann", "mount_accessor": accessor})).await;
    let one = format!("identity/alias/id/{alias}");
    assert_eq!(server.read(&one).await.ok()["data"]["mount_path"], "auth/up/", "under the older name as well");
    server.write(&one, json!({"mount_accessor": "auth_userpass_0"})).await.refused(400, "invalid mount accessor");
    server.delete("sys/auth/up").await.ok();
    let shown = server.read(&one).await.ok()["data"].clone();
    assert_eq!((&shown["mount_accessor"], shown.get("mount_path")), (&json!(accessor), None));
    server.write("sys/auth/up", json!({"type": "userpass"})).await.ok();
    let again = server.read("sys/auth").await.ok()["data"]["up/"]["accessor"].clone();
    assert_ne!(again, json!(accessor), "what the new mount calls ann is somebody else");
}

#[tokio::test]
async fn an_alias_of_a_group_moves_with_all_that_belongs_to_it() {
    let server = Server::new().await;
    server.write("sys/auth/up", json!({"type": "userpass"})).await.ok();
    let accessor = server.read("sys/auth").await.ok()["data"]["up/"]["accessor"].clone();
    let one = made(&server, "identity/group", json!({"name": "one", "type": "external"})).await;
    let two = made(&server, "identity/group", json!({"name": "two", "type": "external"})).await;
    let alias = |name: &str, group: &str| json!({"name": name, "mount_accessor": accessor, "canonical_id": group});
    let id = made(&server, "identity/group-alias", alias("Admins", &one)).await;
    server.write("identity/group-alias", alias("ADMINS", &two)).await.refused(400, "in use");
    let path = format!("identity/group-alias/id/{id}");
    server.write(&path, alias("admins", &two)).await.ok();
    let of = async |group: &str| server.read(&format!("identity/group/id/{group}")).await.ok()["data"]["alias"].clone();
    assert_eq!((of(&one).await, &of(&two).await["id"]), (json!({}), &json!(id)));
    let found = json!({"alias_name": "ADMINS", "alias_mount_accessor": accessor});
    assert_eq!(server.write("identity/lookup/group", found.clone()).await.ok()["data"]["id"], json!(two));
    server.delete("identity/group/name/two").await.ok();
    assert_eq!(server.read(&path).await.status, 404);
    assert_eq!(server.write("identity/lookup/group", found).await.status, 204);
    made(&server, "identity/group-alias", alias("admins", &one)).await;
}

#[tokio::test]
async fn a_name_in_a_path_is_the_entity_s_however_it_is_written() {
    let server = Server::new().await;
    let admin = made(&server, "identity/entity", json!({"name": "Admin"})).await;
    made(&server, "identity/group", json!({"name": "Wheel"})).await;
    let rules = r#"
        path "identity/entity/name/*" { capabilities = ["read", "update", "delete"] }
        path "identity/entity/name/admin" { capabilities = ["deny"] }
        path "identity/group/name/*" { capabilities = ["read", "update", "delete"] }
        path "identity/group/name/Wheel" { capabilities = ["read"] }
    "#;
    server.policy("names", rules).await;
    let (token, _) = server.token(json!({"policies": ["names"]})).await;
    for name in ["admin", "Admin", "ADMIN"] {
        let path = format!("identity/entity/name/{name}");
        for (verb, body) in
            [(Verb::Read, Value::Null), (Verb::Write, json!({"policies": "x"})), (Verb::Delete, Value::Null)]
        {
            server.send(verb, &path, &token, body).await.refused(403, "");
        }
    }
    for name in ["Wheel", "wheel"] {
        let path = format!("identity/group/name/{name}");
        assert_eq!(read(&server, &path, &token).await, 200);
        server.send(Verb::Write, &path, &token, json!({"policies": "x"})).await.refused(403, "");
        server.send(Verb::Delete, &path, &token, Value::Null).await.refused(403, "");
    }
    // No id makes another entity of the path's.
    for name in ["mine", "MINE"] {
        let path = format!("identity/entity/name/{name}");
        server
            .send(Verb::Write, &path, &token, json!({"id": admin, "policies": "x"}))
            .await
            .refused(400, "not that of");
    }
    let mine = server.write("identity/entity/name/Mine", json!({})).await.ok();
    let own = json!({"id": mine["data"]["id"], "policies": "x"});
    server.send(Verb::Write, "identity/entity/name/mine", &token, own).await.ok();
    let shown = server.read(&format!("identity/entity/id/{admin}")).await.ok()["data"].clone();
    assert_eq!((&shown["name"], &shown["policies"]), (&json!("Admin"), &json!([])));
}

#[tokio::test]
async fn an_explanation_says_what_gives_a_policy() {
    let server = Server::new().await;
    let (token, ann) = arrive(&server, "ann").await;
    server.write("sys/mounts/box", json!({"type": "box"})).await.ok();
    for name in ["own", "of-entity", "of-group", "of-both"] {
        server.policy(name, &format!("path \"box/{name}\" {{ capabilities = [\"read\"] }}")).await;
    }
    let given = json!({"policies": ["of-entity", "of-both"]});
    server.write(&format!("identity/entity/id/{ann}"), given).await.ok();
    let group = json!({"name": "eng", "member_entity_ids": [ann], "policies": ["of-group", "of-both"]});
    made(&server, "identity/group", group).await;
    let told = |explained: &Value| explained["data"]["rule"]["from"][0]["identity"].clone();
    for (name, by) in
        [("own", "token"), ("of-entity", "entity"), ("of-group", "group eng"), ("of-both", "entity, group eng")]
    {
        let asked = json!({"token": token, "path": format!("box/{name}"), "operation": "read"});
        assert_eq!(told(&server.write("sys/policy/explain", asked).await.ok()), by);
    }
    let refused = server.send(Verb::Write, "box/of-group", &token, json!({})).await;
    let id = refused.body["request_id"].as_str().unwrap();
    assert_eq!(told(&server.read(&format!("sys/policy/explain/{id}")).await.ok()), "group eng");
}
