mod logins;
mod roles;
mod secret_ids;

use sdk::testing::{Bench, data};
use sdk::{Answer, Failure, Login, Map, Result, Value, json};

use crate::Approle;

fn bench() -> Bench {
    Bench::new(Approle::default(), &[])
}

/// A bench with the role `r`, whose ID is `rid`.
async fn with_role(settings: Value) -> Bench {
    let mut bench = bench();
    let Value::Object(mut body) = settings else { panic!("settings are an object") };
    body.insert("role_id".into(), json!("rid"));
    bench.write("role/r", Value::Object(body)).await.unwrap();
    bench
}

async fn write(bench: &mut Bench, path: &str, body: Value) -> Result<Map<String, Value>> {
    bench.write(path, body).await.map(data)
}

async fn read(bench: &mut Bench, path: &str) -> Map<String, Value> {
    data(bench.read(path).await.unwrap())
}

/// A new secret ID of `r`, and its accessor.
async fn secret_id(bench: &mut Bench, terms: Value) -> (String, String) {
    let made = write(bench, "role/r/secret-id", terms).await.unwrap();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("secret_id"), text("secret_id_accessor"))
}

async fn login(bench: &mut Bench, role_id: &str, secret_id: &str) -> Result<Login> {
    let answer: Answer = bench.write("login", json!({ "role_id": role_id, "secret_id": secret_id })).await?;
    Ok(answer.login.expect("an answer that is no failure has a login"))
}

async fn is_wrong(bench: &mut Bench, secret_id: &str) -> bool {
    matches!(login(bench, "rid", secret_id).await, Err(Failure::WrongCredentials(_)))
}
