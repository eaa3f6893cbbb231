use sdk::{Failure, Value, Verb, json};

use super::{bench, login, read, secret_id, with_role, write};

#[tokio::test]
async fn a_role_shows_what_was_written() {
    let mut bench = bench();
    bench.write("role/Mixed", json!({"token_policies": "B,a,a", "secret_id_ttl": "10m"})).await.unwrap();
    assert_eq!(bench.list("role").await.unwrap(), ["mixed"]);
    let shown = read(&mut bench, "role/MIXED").await;
    assert_eq!((&shown["token_policies"], &shown["secret_id_ttl"]), (&json!(["B", "a", "a"]), &json!(600)));
    assert_eq!((&shown["secret_id_bound_cidrs"], &shown["bind_secret_id"]), (&Value::Null, &json!(true)));
    assert!(shown.get("role_id").is_none(), "it has a path of its own");
    bench.write("role/mixed", json!({"secret_id_bound_cidrs": "", "token_ttl": 60})).await.unwrap();
    let shown = read(&mut bench, "role/mixed").await;
    assert_eq!((&shown["secret_id_bound_cidrs"], &shown["secret_id_ttl"]), (&json!([]), &json!(600)));
    assert_eq!(bench.exists("role/mixed").unwrap(), Some(true));
    bench.call(Verb::Delete, "role/mixed", Value::Null).await.unwrap();
    bench.call(Verb::Delete, "role/mixed", Value::Null).await.unwrap();
    assert_eq!(bench.exists("role/mixed").unwrap(), Some(false));
    assert!(matches!(bench.read("role/mixed").await, Err(Failure::NotFound)));
}

#[tokio::test]
async fn what_is_refused_is_not_written() {
    let mut bench = bench();
    for body in [
        json!({"token_ttl": "2h", "token_max_ttl": "1h"}),
        json!({"token_type": "odd"}),
        json!({"token_type": "batch", "token_period": "1h"}),
        json!({"secret_id_num_uses": -1}),
        json!({"secret_id_ttl": "-5s"}),
        json!({"secret_id_bound_cidrs": "nonsense"}),
        json!({"secret_id_bound_cidrs": "127.0.0.1"}),
        json!({"token_bound_cidrs": "nonsense"}),
        json!({"bind_secret_id": false}),
        json!({"role_id": ""}),
        json!({"period": "9000h"}),
        json!({"token_strictly_bind_ip": true, "token_bound_cidrs": "10.0.0.1"}),
    ] {
        let refused = bench.write("role/r", body.clone()).await.err();
        assert!(matches!(refused, Some(Failure::Invalid(_))), "{body}");
    }
    assert!(matches!(bench.read("role/r").await, Err(Failure::NotFound)));
    for name in ["bad name", "-lead", "trail.", "mail@host", "."] {
        assert!(matches!(bench.write(&format!("role/{name}"), json!({})).await, Err(Failure::NoSuch(_))), "{name}");
    }
    let long = "x".repeat(4097);
    assert!(matches!(bench.write(&format!("role/{long}"), json!({})).await, Err(Failure::Invalid(_))));
    bench.write("role/r", json!({"local_secret_ids": true})).await.unwrap();
    assert_eq!(read(&mut bench, "role/r/local-secret-ids").await["local_secret_ids"], true);
    assert!(bench.write("role/r", json!({"local_secret_ids": true})).await.is_err(), "said once");
}

#[tokio::test]
async fn an_id_is_one_roles_and_changes_at_once() {
    let mut bench = with_role(json!({})).await;
    let (secret, _) = secret_id(&mut bench, json!({})).await;
    assert!(bench.write("role/q", json!({"role_id": "rid"})).await.is_err());
    bench.write("role/q", json!({"role_id": "taken"})).await.unwrap();
    assert!(bench.write("role/r/role-id", json!({"role_id": "taken"})).await.is_err());
    assert!(bench.write("role/r/role-id", json!({"role_id": ""})).await.is_err());
    bench.write("role/r/role-id", json!({"role_id": "new"})).await.unwrap();
    assert_eq!(read(&mut bench, "role/r/role-id").await["role_id"], "new");
    assert!(login(&mut bench, "rid", &secret).await.is_err());
    login(&mut bench, "new", &secret).await.unwrap();
    bench.write("role/q", json!({"role_id": "rid"})).await.unwrap();
    bench.call(Verb::Delete, "role/q", Value::Null).await.unwrap();
    bench.write("role/p", json!({"role_id": "rid"})).await.unwrap();
}

#[tokio::test]
async fn every_property_has_a_path_of_its_own() {
    let mut bench = with_role(json!({})).await;
    for (path, field, value, shown, usual) in [
        ("policies", "token_policies", json!("b,A"), json!(["a", "b"]), json!([])),
        ("period", "token_period", json!("1h"), json!(3600), json!(0)),
        ("secret-id-num-uses", "secret_id_num_uses", json!("4"), json!(4), json!(0)),
        ("secret-id-ttl", "secret_id_ttl", json!("1m"), json!(60), json!(0)),
        ("secret-id-bound-cidrs", "secret_id_bound_cidrs", json!("10.0.0.0/8"), json!(["10.0.0.0/8"]), json!(null)),
        ("token-bound-cidrs", "token_bound_cidrs", json!("10.0.0.1/32"), json!(["10.0.0.1"]), json!(null)),
        ("token-ttl", "token_ttl", json!("20m"), json!(1200), json!(0)),
        ("token-max-ttl", "token_max_ttl", json!("30m"), json!(1800), json!(0)),
        ("token-num-uses", "token_num_uses", json!(3), json!(3), json!(0)),
    ] {
        let at = format!("role/r/{path}");
        assert_eq!(read(&mut bench, &at).await[field], usual, "{path}");
        bench.write(&at, json!({ field: value })).await.unwrap();
        assert_eq!(read(&mut bench, &at).await[field], shown, "{path}");
        assert_eq!(read(&mut bench, "role/r").await[field], shown, "{path}");
        bench.call(Verb::Delete, &at, Value::Null).await.unwrap();
        assert_eq!(read(&mut bench, &at).await[field], usual, "{path}");
        let none = format!("role/none/{path}");
        assert!(matches!(bench.read(&none).await, Err(Failure::NotFound)), "{path}");
        assert!(matches!(bench.write(&none, json!({ field: value })).await, Err(Failure::NoSuch(_))), "{path}");
        bench.call(Verb::Delete, &none, Value::Null).await.unwrap();
    }
    for path in ["policies", "period", "bind-secret-id", "secret-id-num-uses", "secret-id-ttl", "token-ttl", "role-id"]
    {
        assert!(bench.write(&format!("role/r/{path}"), json!({})).await.is_err(), "{path} needs its field");
    }
}

#[tokio::test]
async fn older_names_are_read_and_shown_until_the_newer_one_is_used() {
    let mut bench = with_role(json!({"policies": "Two,one", "period": "1h", "bound_cidr_list": "10.0.0.0/8"})).await;
    let shown = read(&mut bench, "role/r").await;
    assert_eq!((&shown["policies"], &shown["token_policies"]), (&json!(["one", "two"]), &json!(["one", "two"])));
    assert_eq!((&shown["period"], &shown["token_period"]), (&json!(3600), &json!(3600)));
    assert_eq!(shown["secret_id_bound_cidrs"], json!(["10.0.0.0/8"]));
    bench.write("role/r", json!({"token_policies": "three"})).await.unwrap();
    let shown = read(&mut bench, "role/r").await;
    assert_eq!((shown.get("policies"), &shown["period"]), (None, &json!(3600)));
    bench.write("role/r/period", json!({"token_period": 60})).await.unwrap();
    assert_eq!(read(&mut bench, "role/r/period").await.get("period"), None);
    let warned = bench.read("role/r/bound-cidr-list").await.unwrap();
    assert_eq!(warned.warnings.len(), 1);
    let answer = write(&mut bench, "role/r/bound-cidr-list", json!({"bound_cidr_list": "11.0.0.0/8"})).await.unwrap();
    assert!(answer.is_empty());
    assert_eq!(read(&mut bench, "role/r").await["secret_id_bound_cidrs"], json!(["11.0.0.0/8"]));
}

#[tokio::test]
async fn what_has_no_effect_here_is_warned_of() {
    let mut bench = bench();
    for body in [json!({"token_type": "default-service"}), json!({"token_max_ttl": "9000h"})] {
        assert_eq!(bench.write("role/r", body.clone()).await.unwrap().warnings.len(), 1, "{body}");
    }
    assert_eq!(read(&mut bench, "role/r").await["token_type"], "service");
}

#[tokio::test]
async fn case_alone_makes_no_other_role_id() {
    let mut bench = with_role(json!({})).await;
    bench.write("role/twin", json!({})).await.unwrap();
    // The last one is the sign for Kelvin.
    bench.write("role/k", json!({"role_id": "kk"})).await.unwrap();
    for taken in ["RID", "rId", "rid", "K\u{212a}"] {
        let refused = bench.write("role/twin/role-id", json!({ "role_id": taken })).await.err();
        assert!(matches!(refused, Some(Failure::Invalid(text)) if text.contains("in use")), "{taken}");
    }
    for odd in ["a\u{7}b".to_owned(), "r".repeat(1025)] {
        assert!(bench.write("role/twin/role-id", json!({ "role_id": odd })).await.is_err());
    }
    // One's own may change its case.
    bench.write("role/r/role-id", json!({"role_id": "Rid"})).await.unwrap();
    let (right, _) = secret_id(&mut bench, json!({})).await;
    assert_eq!(login(&mut bench, "Rid", &right).await.unwrap().alias, "Rid");
    assert!(matches!(login(&mut bench, "rid", &right).await, Err(Failure::Invalid(_))), "found to the letter");
    bench.call(Verb::Delete, "role/r", json!(null)).await.unwrap();
    bench.write("role/twin/role-id", json!({"role_id": "rID"})).await.unwrap();
}
