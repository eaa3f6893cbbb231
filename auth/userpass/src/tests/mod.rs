use sdk::testing::{Bench, data};
use sdk::{Answer, Failure, Value, Verb, json};

use crate::Userpass;

fn bench() -> Bench {
    Bench::new(Userpass::default(), &[])
}

async fn login(bench: &mut Bench, name: &str, password: &str) -> sdk::Result<Answer> {
    bench.write(&format!("login/{name}"), json!({ "password": password })).await
}

/// A hash of "hunter2" that is quick to check.
const QUICK: &str = "$2b$05$.q4xvDjG1Lce.iSQbXuR/eayonfwnkVqa9/I.a0QC0L5HUr5TAF6C";

#[tokio::test]
async fn the_right_password_logs_in_and_the_settings_come_along() {
    let mut bench = bench();
    bench
        .write("users/Ann", json!({"password_hash": QUICK, "token_policies": "b,a", "token_ttl": "10m"}))
        .await
        .unwrap();
    let made = login(&mut bench, "ANN", "hunter2").await.unwrap().login.unwrap();
    assert_eq!((made.alias.as_str(), made.metadata["username"].as_str()), ("ann", "ann"));
    assert_eq!(made.token.policies, ["a", "b"]);
    assert_eq!(made.token.ttl.as_secs(), 600);
    for (name, password) in [("ann", "hunter3"), ("ann", "hunter2 "), ("bob", "hunter2")] {
        let refused = login(&mut bench, name, password).await.err();
        assert!(matches!(refused, Some(Failure::WrongCredentials(_))), "{name} {password}");
    }
    assert!(matches!(login(&mut bench, "ann", "").await, Err(Failure::Invalid(_))), "no password is no guess");
}

#[tokio::test]
async fn a_password_replaces_the_one_before() {
    let mut bench = bench();
    bench.write("users/u", json!({"password": "first"})).await.unwrap();
    bench.write("users/u/password", json!({"password": "second"})).await.unwrap();
    assert!(login(&mut bench, "u", "first").await.is_err());
    assert!(login(&mut bench, "u", "second").await.is_ok());
    bench.write("users/u", json!({"token_ttl": 60})).await.unwrap();
    assert!(login(&mut bench, "u", "second").await.is_ok(), "other fields leave it alone");
    let long = "x".repeat(72);
    bench.write("users/u/password", json!({ "password": long })).await.unwrap();
    assert!(login(&mut bench, "u", &long).await.is_ok());
    assert!(login(&mut bench, "u", &long[1..]).await.is_err());
    assert!(bench.write("users/u/password", json!({"password": format!("{long}y")})).await.is_err());
}

#[tokio::test]
async fn what_is_refused_is_not_written() {
    let mut bench = bench();
    for body in [
        json!({}),
        json!({"password": ""}),
        json!({"password_hash": "not a hash"}),
        json!({"password": "x", "password_hash": QUICK}),
        json!({"password_hash": QUICK.replace("$05$", "$04$")}),
        json!({"password_hash": QUICK.replace("$05$", "$13$")}),
        json!({"password_hash": QUICK, "token_type": "odd"}),
        json!({"password_hash": QUICK, "token_strictly_bind_ip": true, "token_bound_cidrs": "10.0.0.1"}),
    ] {
        let refused = bench.write("users/ann", body.clone()).await.err();
        assert!(matches!(refused, Some(Failure::Invalid(_))), "{body}");
    }
    assert!(matches!(bench.read("users/ann").await, Err(Failure::NotFound)));
    for name in ["bad name", "-lead", "trail.", "mail@host", "."] {
        let refused = bench.write(&format!("users/{name}"), json!({"password_hash": QUICK})).await.err();
        assert!(matches!(refused, Some(Failure::NoSuch(_))), "{name}");
    }
    assert!(bench.write("users/nobody/password", json!({"password": "x"})).await.is_err());
    assert!(bench.write("users/nobody/policies", json!({"token_policies": "x"})).await.is_err());
}

#[tokio::test]
async fn older_names_are_read_and_shown_until_the_newer_one_is_used() {
    let mut bench = bench();
    let first = json!({"password_hash": QUICK, "policies": "Two,one", "ttl": "10m", "bound_cidrs": "127.0.0.1/32"});
    bench.write("users/u", first).await.unwrap();
    let shown = data(bench.read("users/u").await.unwrap());
    assert_eq!((&shown["policies"], &shown["token_policies"]), (&json!(["one", "two"]), &json!(["one", "two"])));
    assert_eq!((&shown["ttl"], &shown["token_ttl"]), (&json!(600), &json!(600)));
    bench.write("users/u/policies", json!({"token_policies": "three"})).await.unwrap();
    let shown = data(bench.read("users/u").await.unwrap());
    assert_eq!((shown.get("policies"), &shown["token_policies"]), (None, &json!(["three"])));
    assert_eq!(shown["bound_cidrs"], json!(["127.0.0.1"]));
}

#[tokio::test]
async fn users_are_listed_and_deleted() {
    let mut bench = bench();
    assert!(bench.list("users").await.is_err(), "none is not found");
    for name in ["c", "a", "b"] {
        bench.write(&format!("users/{name}"), json!({"password_hash": QUICK})).await.unwrap();
    }
    assert_eq!(bench.list("users/").await.unwrap(), ["a", "b", "c"]);
    let page = bench.call(Verb::List, "users", json!({"after": "a", "limit": 1})).await.unwrap();
    assert_eq!(data(page)["keys"], json!(["b"]));
    bench.call(Verb::Delete, "users/b", Value::Null).await.unwrap();
    assert_eq!(bench.list("users").await.unwrap(), ["a", "c"]);
    assert_eq!(bench.exists("users/a").unwrap(), Some(true));
    assert_eq!(bench.exists("users/b").unwrap(), Some(false));
}

#[tokio::test]
async fn a_login_stands_while_the_user_is_what_it_found() {
    let mut bench = bench();
    bench.write("users/ann", json!({"password_hash": QUICK, "token_policies": "a"})).await.unwrap();
    let login = login(&mut bench, "ann", "hunter2").await.unwrap().login.unwrap();
    assert!(bench.stands(&login).unwrap());
    bench.write("users/ann", json!({"token_ttl": "5m"})).await.unwrap();
    assert!(bench.stands(&login).unwrap());
    for change in [json!({"token_policies": "a,b"}), json!({"password": "other"})] {
        bench.write("users/ann", change.clone()).await.unwrap();
        assert!(!bench.stands(&login).unwrap(), "{change}");
        bench.write("users/ann", json!({"password_hash": QUICK, "token_policies": "a"})).await.unwrap();
        assert!(bench.stands(&login).unwrap());
    }
    bench.call(Verb::Delete, "users/ann", Value::Null).await.unwrap();
    assert!(!bench.stands(&login).unwrap());
}
