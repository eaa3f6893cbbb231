//! `sys/init`.

use base64::prelude::{BASE64_STANDARD, Engine};
use holdfast_core::lifecycle::{InitError, InitOptions, Node, Recipients};
use holdfast_core::response::Response;
use sdk::{FromField, Map, StringList, Value, json};

use super::Local;

pub fn state(node: &Node) -> Response {
    Response::json(200, &json!({"initialized": node.is_initialised()}))
}

pub async fn init(local: &Local, body: &Map<String, Value>) -> Response {
    if local.node.is_initialised() {
        return Response::errors(400, &[&InitError::Already.to_string()]);
    }
    let seal = local.node.configured_seal();
    let (mine, others) = if seal.is_automatic() { (RECOVERY, SECRET) } else { (SECRET, RECOVERY) };
    let strangers: Vec<&str> = others.into_iter().filter(|name| is_given(body, name)).collect();
    if !strangers.is_empty() {
        let text = format!("parameters {} not applicable to seal type {}", strangers.join(","), seal.name());
        return Response::errors(400, &[&text]);
    }
    let numbers = integer(body, mine[0]).and_then(|shares| Ok((shares, integer(body, mine[1])?)));
    let (shares, threshold) = match numbers {
        Ok(numbers) => numbers,
        Err(problem) => return Response::errors(400, &[&problem]),
    };
    let recipients = match recipients(body, mine[2]) {
        Ok(recipients) => recipients,
        Err(problem) => return Response::errors(400, &[&problem]),
    };
    let options =
        InitOptions { shares, threshold, recipients, cluster_name: local.cluster_name.clone(), now: (local.clock)() };
    match local.node.init(options).await {
        Ok(made) => {
            let hex: Vec<String> = made.shares.iter().map(hex::encode).collect();
            let base64: Vec<String> = made.shares.iter().map(|share| BASE64_STANDARD.encode(share)).collect();
            let mut answer = json!({"keys": hex, "keys_base64": base64, "root_token": made.root_token.as_str()});
            if seal.is_automatic() {
                let nothing = json!([]);
                answer["recovery_keys"] = std::mem::replace(&mut answer["keys"], nothing.clone());
                answer["recovery_keys_base64"] = std::mem::replace(&mut answer["keys_base64"], nothing);
            }
            Response::json(200, &answer)
        }
        Err(error @ (InitError::Already | InitError::Elsewhere(_) | InitError::Seal(_) | InitError::Recipients(_))) => {
            Response::errors(400, &[&error.to_string()])
        }
        Err(InitError::Failed(problem)) => {
            tracing::error!(problem, "initialisation failed");
            Response::errors(500, &[&format!("initialisation failed: {problem}")])
        }
    }
}

/// How many shares, how many suffice, and whom they are encrypted to: of the keys that unseal, and of those that a
/// cluster has for recovery which unseals by itself.
const SECRET: [&str; 3] = ["secret_shares", "secret_threshold", "pgp_keys"];
const RECOVERY: [&str; 3] = ["recovery_shares", "recovery_threshold", "recovery_pgp_keys"];

fn is_given(body: &Map<String, Value>, name: &str) -> bool {
    body.get(name).is_some_and(|v| !v.is_null() && ![json!(0), json!([]), json!("")].contains(v))
}

fn recipients(body: &Map<String, Value>, name: &str) -> Result<Recipients, String> {
    let field = |name: &str| body.get(name).unwrap_or(&Value::Null);
    let failed = |name: &str, why: String| format!("failed to decode JSON input: {name}: {why}");
    let StringList(shares) = StringList::from_field(field(name)).map_err(|why| failed(name, why))?;
    let token = field("root_token_pgp_key");
    let token = String::from_field(token).map_err(|why| failed("root_token_pgp_key", why))?;
    Ok(Recipients { shares, root_token: Some(token).filter(|token| !token.is_empty()) })
}

/// This path takes JSON numbers only, as clients are used to.
fn integer(body: &Map<String, Value>, name: &str) -> Result<i64, String> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(0),
        Some(value) => value.as_i64().ok_or_else(|| format!("failed to decode JSON input: {name} must be a number")),
    }
}
