//! `sys/policy/explain…`: which rule decides, and what a refusal was about.

use sdk::{Value, Verb, json};

use super::Server;

const APP: &str = r#"
path "box/*" { capabilities = ["read", "list"] }

path "box/+/x" {
  capabilities      = ["update"]
  denied_parameters = { "secret" = [] }
}
path "box/no" { capabilities = ["deny"] }
"#;

async fn explain(server: &Server, asked: Value) -> Value {
    server.write("sys/policy/explain", asked).await.ok()["data"].clone()
}

#[tokio::test]
async fn the_rule_that_decides_is_named() {
    let server = Server::new().await;
    server.policy("app", APP).await;
    server.policy("more", "path \"box/no\" { policy = \"read\" }\npath \"box/*\" { policy = \"sudo\" }").await;
    let (token, accessor) = server.token(json!({"policies": ["app", "more"], "no_default_policy": true})).await;

    let told = explain(&server, json!({"token": token, "path": "box/a", "operation": "read"})).await;
    assert_eq!((&told["allowed"], &told["reason"]), (&json!(true), &json!("granted")));
    assert_eq!(told["rule"]["path"], "box/*");
    let from = told["rule"]["from"].as_array().unwrap();
    let places: Vec<_> = from.iter().map(|rule| (&rule["policy"], &rule["line"], &rule["grants"])).collect();
    assert_eq!(places, [(&json!("app"), &json!(2), &json!(true)), (&json!("more"), &json!(2), &json!(true))]);
    assert_eq!(told["token"]["accessor"], accessor.as_str());

    let told = explain(&server, json!({"accessor": accessor, "path": "/box/q/x", "operation": "read"})).await;
    assert_eq!((&told["allowed"], &told["reason"]), (&json!(false), &json!("missing_capability")));
    assert_eq!((&told["rule"]["path"], &told["rule"]["from"][0]["line"]), (&json!("box/+/x"), &json!(4)));
    assert_eq!(told["overruled"][0]["path"], "box/*", "the rule that one would think decides");

    let parameters = json!({"Secret": "not to be seen"});
    let asked = json!({"policies": "app,gone", "path": "box/q/x", "operation": "update", "parameters": parameters});
    let told = explain(&server, asked).await;
    assert_eq!(told["reason"], "parameter_denied");
    assert_eq!(told["missing_policies"], json!(["gone"]));
    assert!(!told.to_string().contains("not to be seen"), "{told}");

    let told = explain(&server, json!({"policies": ["app", "more"], "path": "box/no", "operation": "read"})).await;
    assert_eq!(told["reason"], "denied");
    let denies: Vec<_> = told["rule"]["from"].as_array().unwrap().iter().map(|rule| rule["denies"].clone()).collect();
    assert_eq!(denies, [json!(true), json!(false)]);

    server.policy("sys", "path \"sys/*\" { policy = \"write\" }").await;
    let told =
        explain(&server, json!({"policies": ["sys"], "path": "sys/policy/explain", "operation": "update"})).await;
    assert_eq!((&told["allowed"], &told["reason"]), (&json!(false), &json!("sudo")));
    let told = explain(&server, json!({"policies": ["root"], "path": "sys/seal", "operation": "update"})).await;
    assert_eq!((&told["allowed"], &told["reason"], &told["rule"]), (&json!(true), &json!("root"), &Value::Null));
}

#[tokio::test]
async fn a_question_that_is_none_is_refused() {
    let server = Server::new().await;
    for (asked, naming) in [
        (json!({"path": "a", "operation": "read"}), "one of token, accessor and policies"),
        (json!({"token": "x", "policies": "a", "path": "a", "operation": "read"}), "one of token"),
        (json!({"policies": "a", "operation": "read"}), "missing path"),
        (json!({"policies": "a", "path": "a", "operation": "sudo"}), "unknown operation"),
        (json!({"policies": "a", "path": "a//b", "operation": "read"}), "empty segment"),
        (json!({"token": "s.none", "path": "a", "operation": "read"}), "does not count"),
        (json!({"accessor": "none", "path": "a", "operation": "read"}), "no token with this accessor"),
    ] {
        server.write("sys/policy/explain", asked).await.refused(400, naming);
    }
}

#[tokio::test]
async fn a_caller_learns_of_own_rules_what_the_policies_let_it_read() {
    let server = Server::new().await;
    let may = "path \"sys/policy/explain-self\" { policy = \"write\" }\n";
    server.policy("app", &format!("{may}{APP}")).await;
    server.policy("reader", "path \"sys/policies/acl/*\" { capabilities = [\"read\"] }").await;
    let asked =
        |path: &str, operation: &str| json!({"path": path, "operation": operation, "parameters": {"secret": 1}});
    let (blind, _) = server.token(json!({"policies": ["app"], "no_default_policy": true})).await;
    let ask = |token: String, asked: Value| {
        let server = &server;
        async move { server.send(Verb::Write, "sys/policy/explain-self", &token, asked).await.ok()["data"].clone() }
    };
    for (asked, allowed, reason) in [
        (asked("box/a", "read"), true, "granted"),
        (asked("box/no", "read"), false, "not_granted"),
        (asked("other", "read"), false, "not_granted"),
        (asked("box/q/x", "update"), false, "limits"),
    ] {
        let told = ask(blind.clone(), asked).await;
        assert_eq!((&told["allowed"], &told["reason"], &told["rule"]), (&json!(allowed), &json!(reason), &Value::Null));
        assert!(told.get("overruled").is_none() && !told.to_string().contains("box/+"), "{told}");
    }
    let (seeing, _) = server.token(json!({"policies": ["app", "reader"], "no_default_policy": true})).await;
    let told = ask(seeing.clone(), asked("box/q/x", "update")).await;
    assert_eq!((&told["reason"], &told["rule"]["path"]), (&json!("parameter_denied"), &json!("box/+/x")));
    let others = json!({"policies": ["app"], "path": "box/a", "operation": "read"});
    server.send(Verb::Write, "sys/policy/explain", &seeing, others).await.refused(403, "permission denied");
}

#[tokio::test]
async fn a_refusal_can_be_asked_for_by_its_id() {
    let server = Server::new().await;
    server.policy("app", APP).await;
    let (token, accessor) = server.token(json!({"policies": ["app"], "no_default_policy": true})).await;
    let refused = server.send(Verb::Write, "box/q/x", &token, json!({"secret": "hunter2"})).await;
    refused.refused(403, "permission denied");
    let id = refused.body["request_id"].as_str().unwrap();
    let told = server.read(&format!("sys/policy/explain/{id}")).await.ok()["data"].clone();
    assert_eq!((&told["reason"], &told["path"]), (&json!("parameter_denied"), &json!("box/q/x")));
    assert_eq!((&told["token"]["accessor"], &told["operation"]), (&json!(accessor), &json!("update")));
    assert_eq!(told["rule"]["from"][0]["line"], 4);
    assert!(!told.to_string().contains("hunter2"), "{told}");

    let refused = server.send(Verb::Read, "box/q/x", "s.nobody", Value::Null).await;
    assert_eq!(refused.error(), "permission denied");
    let id = refused.body["request_id"].as_str().unwrap();
    let told = server.read(&format!("sys/policy/explain/{id}")).await.ok()["data"].clone();
    assert_eq!((&told["reason"], &told["token"]), (&json!("before_policies"), &Value::Null));
    assert!(told["explanation"].as_str().unwrap().contains("no such token"), "{told}");

    server.read("sys/policy/explain/00000000-0000-0000-0000-000000000000").await.refused(404, "lately refused");
    let again = server.send(Verb::Read, &format!("sys/policy/explain/{id}"), &token, Value::Null).await;
    again.refused(403, "permission denied");
}
