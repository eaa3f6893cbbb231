//! `sys/init`.

use base64::prelude::{BASE64_STANDARD, Engine};
use holdfast_core::lifecycle::{InitError, InitOptions, Node};
use holdfast_core::response::Response;
use sdk::{Map, Value, json};

use super::Local;

pub fn state(node: &Node) -> Response {
    Response::json(200, &json!({"initialized": node.is_initialised()}))
}

pub async fn init(local: &Local, body: &Map<String, Value>) -> Response {
    if local.node.is_initialised() {
        return Response::errors(400, &[&InitError::Already.to_string()]);
    }
    let numbers = integer(body, "secret_shares").and_then(|shares| Ok((shares, integer(body, "secret_threshold")?)));
    let (shares, threshold) = match numbers {
        Ok(numbers) => numbers,
        Err(problem) => return Response::errors(400, &[&problem]),
    };
    let of_other_seals: Vec<&str> = ["recovery_shares", "recovery_threshold", "recovery_pgp_keys", "stored_shares"]
        .into_iter()
        .filter(|name| body.get(*name).is_some_and(|v| !v.is_null() && *v != json!(0)))
        .collect();
    if !of_other_seals.is_empty() {
        let text = format!("parameters {} not applicable to seal type shamir", of_other_seals.join(","));
        return Response::errors(400, &[&text]);
    }
    for name in ["pgp_keys", "root_token_pgp_key"] {
        if body.get(name).is_some_and(|v| !v.is_null() && *v != json!([]) && *v != json!("")) {
            let text = format!("{name} is not supported by this version; leave it out and protect the answer yourself");
            return Response::errors(400, &[&text]);
        }
    }
    let options = InitOptions { shares, threshold, cluster_name: local.cluster_name.clone(), now: (local.clock)() };
    match local.node.init(options).await {
        Ok(made) => {
            let hex: Vec<String> = made.shares.iter().map(|s| hex::encode(s.expose())).collect();
            let base64: Vec<String> = made.shares.iter().map(|s| BASE64_STANDARD.encode(s.expose())).collect();
            Response::json(200, &json!({"keys": hex, "keys_base64": base64, "root_token": made.root_token.expose()}))
        }
        Err(error @ (InitError::Already | InitError::Seal(_))) => Response::errors(400, &[&error.to_string()]),
        Err(InitError::Failed(problem)) => {
            tracing::error!(problem, "initialisation failed");
            Response::errors(500, &[&format!("initialisation failed: {problem}")])
        }
    }
}

/// This path takes JSON numbers only, as clients are used to.
fn integer(body: &Map<String, Value>, name: &str) -> Result<i64, String> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(0),
        Some(value) => value.as_i64().ok_or_else(|| format!("failed to decode JSON input: {name} must be a number")),
    }
}
