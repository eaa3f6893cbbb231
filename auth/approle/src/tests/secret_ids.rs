use std::time::Duration;

use sdk::testing::Bench;
use sdk::{Failure, Verb, json};

use super::{is_wrong, login, secret_id, with_role, write};

/// How many secret IDs of `r` are in the store, those included that count no more.
async fn stored(bench: &mut Bench) -> usize {
    bench.list("role/r/secret-id").await.map_or(0, |accessors| accessors.len())
}

fn wait(bench: &mut Bench, seconds: u64) {
    bench.now = bench.now.plus(Duration::from_secs(seconds));
}

#[tokio::test]
async fn a_secret_id_is_looked_up_and_destroyed_by_itself_and_by_its_accessor() {
    let mut bench = with_role(json!({"secret_id_ttl": "1h"})).await;
    let (first, accessor) = secret_id(&mut bench, json!({"metadata": "k=v"})).await;
    let by_id = json!({"secret_id": first});
    let found = write(&mut bench, "role/r/secret-id/lookup", by_id.clone()).await.unwrap();
    assert_eq!((&found["secret_id_accessor"], &found["metadata"]), (&json!(accessor), &json!({"k": "v"})));
    assert_eq!((&found["secret_id_ttl"], &found["cidr_list"]), (&json!(3600), &json!([])));
    let other = json!({"secret_id": "other"});
    assert!(write(&mut bench, "role/r/secret-id/lookup", other).await.unwrap().is_empty(), "nothing is known of it");
    bench.write("role/r/secret-id/destroy", by_id.clone()).await.unwrap();
    bench.write("role/r/secret-id/destroy", by_id).await.unwrap();
    assert!(is_wrong(&mut bench, &first).await);
    assert_eq!(stored(&mut bench).await, 0);

    let (second, accessor) = secret_id(&mut bench, json!({})).await;
    let mistaken = json!({"secret_id_accessor": second});
    let Err(Failure::Invalid(said)) = bench.write("role/r/secret-id-accessor/destroy", mistaken).await else {
        panic!("a secret ID is no accessor");
    };
    assert!(!said.contains(&second), "what may be a secret is not repeated: {said}");
    let by_accessor = json!({"secret_id_accessor": accessor});
    bench.call(Verb::Delete, "role/r/secret-id-accessor/destroy", by_accessor).await.unwrap();
    assert!(is_wrong(&mut bench, &second).await);
}

#[tokio::test]
async fn terms_stay_within_the_roles_and_the_mounts() {
    let mut bench = with_role(json!({"secret_id_ttl": "1h", "secret_id_num_uses": 5})).await;
    for beyond in [
        json!({"ttl": "2h"}),
        json!({"ttl": 0}),
        json!({"num_uses": 6}),
        json!({"num_uses": 0}),
        json!({"num_uses": -1}),
        json!({"metadata": "{\"k\": 1}"}),
        json!({"metadata": "k"}),
        json!({"metadata": "k="}),
    ] {
        let refused = bench.write("role/r/secret-id", beyond.clone()).await.err();
        assert!(matches!(refused, Some(Failure::Invalid(_))), "{beyond}");
    }
    let made = write(&mut bench, "role/r/secret-id", json!({"ttl": "10m", "num_uses": 2})).await.unwrap();
    assert_eq!((&made["secret_id_ttl"], &made["secret_id_num_uses"]), (&json!(600), &json!(2)));
    bench.write("role/r/secret-id-ttl", json!({"secret_id_ttl": "9000h"})).await.unwrap();
    let made = write(&mut bench, "role/r/secret-id", json!({})).await.unwrap();
    assert_eq!(made["secret_id_ttl"], 2_764_800, "the mount's most");
    assert!(matches!(bench.write("role/none/secret-id", json!({})).await, Err(Failure::NoSuch(_))));
}

#[tokio::test]
async fn metadata_may_be_in_base64() {
    let mut bench = with_role(json!({})).await;
    for text in ["{\"a\": \"b\"}", "eyJhIjogImIifQ==", "a=b", " a = b ,", "YT1i"] {
        let (made, _) = secret_id(&mut bench, json!({"metadata": text})).await;
        assert_eq!(login(&mut bench, "rid", &made).await.unwrap().metadata["a"], "b", "{text}");
    }
}

#[tokio::test]
async fn a_secret_id_past_its_time_counts_no_more_and_is_swept_by_those_that_come() {
    let mut bench = with_role(json!({"secret_id_ttl": "1m"})).await;
    let mut first = Vec::new();
    for _ in 0..10 {
        first.push(secret_id(&mut bench, json!({})).await);
    }
    wait(&mut bench, 59);
    login(&mut bench, "rid", &first[0].0).await.unwrap();
    wait(&mut bench, 1);
    let (id, accessor) = first[0].clone();
    assert!(is_wrong(&mut bench, &id).await);
    assert!(write(&mut bench, "role/r/secret-id/lookup", json!({"secret_id": id})).await.unwrap().is_empty());
    let by_accessor = json!({"secret_id_accessor": accessor});
    assert_eq!(bench.write("role/r/secret-id-accessor/lookup", by_accessor).await.unwrap().status, Some(404));
    assert_eq!(stored(&mut bench).await, 10);
    let (fresh, _) = secret_id(&mut bench, json!({})).await;
    assert_eq!(stored(&mut bench).await, 10 - 4 + 1, "four old ones went with the new one");
    secret_id(&mut bench, json!({})).await;
    secret_id(&mut bench, json!({})).await;
    assert_eq!(stored(&mut bench).await, 3);
    login(&mut bench, "rid", &fresh).await.unwrap();
}

#[tokio::test]
async fn tidy_takes_away_what_is_past_its_time_and_nothing_else() {
    let mut bench = with_role(json!({})).await;
    let (endless, _) = secret_id(&mut bench, json!({})).await;
    let (longer, _) = secret_id(&mut bench, json!({"ttl": "2m"})).await;
    for _ in 0..520 {
        secret_id(&mut bench, json!({"ttl": "1m"})).await;
    }
    wait(&mut bench, 60);
    let answer = bench.write("tidy/secret-id", json!({})).await.unwrap();
    assert_eq!((answer.status, answer.warnings.len()), (Some(202), 1));
    assert_eq!(stored(&mut bench).await, 22, "a bounded number goes at a time");
    bench.write("tidy/secret-id", json!({})).await.unwrap();
    assert_eq!(stored(&mut bench).await, 2);
    for still in [endless, longer] {
        login(&mut bench, "rid", &still).await.unwrap();
    }
}

#[tokio::test]
async fn a_chosen_secret_id_may_come_back_once_its_time_is_up() {
    let mut bench = with_role(json!({})).await;
    let chosen = json!({"secret_id": "chosen", "ttl": "1m"});
    assert!(bench.write("role/r/custom-secret-id", json!({})).await.is_err());
    assert!(bench.write("role/r/custom-secret-id", json!({"secret_id": "x".repeat(4097)})).await.is_err());
    let first = write(&mut bench, "role/r/custom-secret-id", chosen.clone()).await.unwrap();
    assert_eq!(first["secret_id"], "chosen");
    assert!(bench.write("role/r/custom-secret-id", chosen.clone()).await.is_err(), "there already");
    wait(&mut bench, 60);
    let second = write(&mut bench, "role/r/custom-secret-id", chosen).await.unwrap();
    assert_ne!(first["secret_id_accessor"], second["secret_id_accessor"]);
    login(&mut bench, "rid", "chosen").await.unwrap();
    assert_eq!(bench.list("role/r/secret-id").await.unwrap(), [second["secret_id_accessor"].as_str().unwrap()]);
    wait(&mut bench, 59);
    bench.write("tidy/secret-id", json!({})).await.unwrap();
    login(&mut bench, "rid", "chosen").await.unwrap();
}

#[tokio::test]
async fn accessors_are_listed_in_pages_and_are_the_roles_own() {
    let mut bench = with_role(json!({})).await;
    bench.write("role/q", json!({})).await.unwrap();
    let mut accessors = Vec::new();
    for _ in 0..5 {
        accessors.push(secret_id(&mut bench, json!({})).await.1);
    }
    accessors.sort();
    bench.write("role/q/secret-id", json!({})).await.unwrap();
    assert_eq!(bench.list("role/r/secret-id/").await.unwrap(), accessors);
    let page = json!({"after": accessors[1], "limit": 2});
    let page = sdk::testing::data(bench.call(Verb::List, "role/r/secret-id", page).await.unwrap());
    assert_eq!(page["keys"], json!(accessors[2..4]));
    assert!(matches!(bench.list("role/none/secret-id").await, Err(Failure::Invalid(_))));
    let elsewhere = json!({"secret_id_accessor": accessors[0]});
    let answer = bench.write("role/q/secret-id-accessor/lookup", elsewhere).await.unwrap();
    assert_eq!(answer.status, Some(404), "of another role");
}
