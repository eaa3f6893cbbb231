use sdk::{Failure, Verb, json};

use super::{is_wrong, login, read, secret_id, with_role, write};

#[tokio::test]
async fn the_right_secret_id_logs_in_and_the_settings_come_along() {
    let mut bench = with_role(json!({"token_policies": "a", "token_ttl": "10m"})).await;
    let (right, accessor) = secret_id(&mut bench, json!({"metadata": "{\"team\": \"blue\"}"})).await;
    let made = login(&mut bench, " rid ", &format!(" {right} ")).await.unwrap();
    assert_eq!((made.alias.as_str(), made.display_name.as_str()), ("rid", ""));
    assert_eq!((made.metadata["team"].as_str(), made.metadata["role_name"].as_str()), ("blue", "r"));
    assert_eq!((made.token.policies, made.token.ttl.as_secs()), (vec!["a".to_owned()], 600));
    for wrong in ["wrong", accessor.as_str(), &right[1..]] {
        assert!(is_wrong(&mut bench, wrong).await, "{wrong}");
    }
    for (role_id, secret_id) in [("RID", right.as_str()), ("other", &right), ("", &right), ("rid", "")] {
        let refused = login(&mut bench, role_id, secret_id).await.err();
        assert!(matches!(refused, Some(Failure::Invalid(_))), "no secret was guessed: {role_id:?} {secret_id:?}");
    }
}

#[tokio::test]
async fn a_role_that_is_made_anew_knows_no_secret_id_of_the_one_before() {
    let mut bench = with_role(json!({})).await;
    let (before, _) = secret_id(&mut bench, json!({})).await;
    bench.call(Verb::Delete, "role/r", json!(null)).await.unwrap();
    assert!(matches!(login(&mut bench, "rid", &before).await, Err(Failure::Invalid(_))));
    bench.write("role/r", json!({"role_id": "rid"})).await.unwrap();
    assert!(is_wrong(&mut bench, &before).await);
    assert!(bench.list("role/r/secret-id").await.is_err(), "nothing is left of it");
}

#[tokio::test]
async fn the_last_use_takes_a_secret_id_away() {
    let mut bench = with_role(json!({"secret_id_num_uses": 2})).await;
    let (counted, accessor) = secret_id(&mut bench, json!({})).await;
    let (other, _) = secret_id(&mut bench, json!({"num_uses": 1})).await;
    bench.now = bench.now.plus(std::time::Duration::from_secs(1));
    login(&mut bench, "rid", &counted).await.unwrap();
    let by_accessor = json!({"secret_id_accessor": accessor});
    let left = write(&mut bench, "role/r/secret-id-accessor/lookup", by_accessor.clone()).await.unwrap();
    assert_eq!(left["secret_id_num_uses"], 1);
    assert_ne!(left["last_updated_time"], left["creation_time"]);
    login(&mut bench, "rid", &counted).await.unwrap();
    assert!(is_wrong(&mut bench, &counted).await);
    let gone = bench.write("role/r/secret-id-accessor/lookup", by_accessor).await.unwrap();
    assert_eq!(gone.status, Some(404));
    assert_eq!(bench.list("role/r/secret-id").await.unwrap().len(), 1);
    login(&mut bench, "rid", &other).await.unwrap();
    assert!(bench.list("role/r/secret-id").await.is_err());
}

#[tokio::test]
async fn a_login_that_is_refused_for_where_it_comes_from_spends_nothing() {
    let mut bench = with_role(json!({"secret_id_bound_cidrs": "10.0.0.0/8", "secret_id_num_uses": 1})).await;
    let (bound, _) = secret_id(&mut bench, json!({"cidr_list": ["10.1.0.0/16"]})).await;
    for elsewhere in [None, Some("127.0.0.1"), Some("10.2.0.1"), Some("::1")] {
        bench.remote = elsewhere.map(|address| address.parse().unwrap());
        assert!(matches!(login(&mut bench, "rid", &bound).await, Err(Failure::Invalid(_))), "{elsewhere:?}");
    }
    bench.remote = Some("::ffff:10.1.2.3".parse().unwrap());
    login(&mut bench, "rid", &bound).await.unwrap();
}

#[tokio::test]
async fn a_secret_id_does_not_reach_beyond_its_role() {
    let mut bench = with_role(json!({"secret_id_bound_cidrs": "10.0.0.0/8", "token_bound_cidrs": "127.0.0.0/8"})).await;
    for beyond in [
        json!({"cidr_list": "192.168.0.0/16"}),
        json!({"cidr_list": "0.0.0.0/0"}),
        json!({"cidr_list": "10.1.1.1"}),
        json!({"cidr_list": "junk/8"}),
        json!({"token_bound_cidrs": "10.0.0.0/8"}),
    ] {
        let refused = bench.write("role/r/secret-id", beyond.clone()).await.err();
        assert!(matches!(refused, Some(Failure::Invalid(_))), "{beyond}");
    }
    let (inside, _) = secret_id(&mut bench, json!({"token_bound_cidrs": "127.0.0.1/32"})).await;
    bench.remote = Some("10.0.0.1".parse().unwrap());
    let made = login(&mut bench, "rid", &inside).await.unwrap();
    assert_eq!(made.token.bound_cidrs, [sdk::cidr("127.0.0.1").unwrap()], "its own in place of the role's");
    let (narrow, _) = secret_id(&mut bench, json!({"cidr_list": "10.0.0.0/16"})).await;
    login(&mut bench, "rid", &narrow).await.unwrap();
    bench.write("role/r/secret-id-bound-cidrs", json!({"secret_id_bound_cidrs": "10.0.0.1/32"})).await.unwrap();
    assert!(login(&mut bench, "rid", &narrow).await.is_err(), "the role was narrowed since");
}

#[tokio::test]
async fn without_a_secret_id_the_role_needs_networks() {
    let mut bench = with_role(json!({})).await;
    assert!(bench.write("role/r/bind-secret-id", json!({"bind_secret_id": false})).await.is_err());
    bench.write("role/r/token-bound-cidrs", json!({"token_bound_cidrs": "127.0.0.1/32"})).await.unwrap();
    bench.write("role/r/bind-secret-id", json!({"bind_secret_id": false})).await.unwrap();
    login(&mut bench, "rid", "").await.unwrap();
    assert!(bench.write("role/r/secret-id", json!({})).await.is_err(), "nobody would ask for it");
    assert!(bench.call(Verb::Delete, "role/r/token-bound-cidrs", json!(null)).await.is_err());
    assert_eq!(read(&mut bench, "role/r").await["token_bound_cidrs"], json!(["127.0.0.1"]));
    bench.call(Verb::Delete, "role/r/bind-secret-id", json!(null)).await.unwrap();
    assert!(login(&mut bench, "rid", "").await.is_err());
}

#[tokio::test]
async fn a_login_stands_while_its_role_is_what_it_found() {
    let mut bench = with_role(json!({"token_policies": "a"})).await;
    let (right, _) = secret_id(&mut bench, json!({"num_uses": 1})).await;
    let found = login(&mut bench, "rid", &right).await.unwrap();
    assert!(bench.stands(&found).unwrap(), "the secret ID was good for that login");
    bench.write("role/r/policies", json!({"token_policies": "b"})).await.unwrap();
    assert!(!bench.stands(&found).unwrap());
    bench.write("role/r/policies", json!({"token_policies": "a"})).await.unwrap();
    bench.write("role/r/role-id", json!({"role_id": "other"})).await.unwrap();
    assert!(!bench.stands(&found).unwrap());
}
