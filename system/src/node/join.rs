//! `sys/storage/raft/join` on a joiner; `…/bootstrap/challenge` and `…/bootstrap/answer` on those it asks.

use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine};
use holdfast_core::lifecycle::{AdmitError, JoinAnswer, JoinError, JoinTarget};
use holdfast_core::response::Response;
use sdk::{FromField, Map, Value, json};

use super::Local;

/// The longest name a node may have, in bytes.
const SERVER_ID_MAX: usize = 256;

/// Who belongs to a cluster has joined one: scripts ask every node whenever they run.
pub async fn join(local: &Local, body: &Map<String, Value>) -> Response {
    let joined = || Response::json(200, &json!({"joined": true}));
    if local.node.replication.initialised() && local.node.out().is_none() {
        return joined();
    }
    let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|t| !t.is_empty()).map(str::to_owned);
    let Some(leader_api_addr) = text("leader_api_addr") else {
        return Response::errors(400, &["leader_api_addr is missing: name the API address of a member to ask"]);
    };
    let non_voter = match bool::from_field(body.get("non_voter").unwrap_or(&Value::Null)) {
        Ok(non_voter) => non_voter,
        Err(problem) => return Response::errors(400, &[&format!("non_voter: {problem}")]),
    };
    let target = JoinTarget {
        leader_api_addr,
        leader_ca_cert: text("leader_ca_cert"),
        leader_client_cert: text("leader_client_cert"),
        leader_client_key: text("leader_client_key"),
        leader_tls_servername: text("leader_tls_servername"),
        non_voter,
    };
    match local.node.join(target, Arc::clone(&local.introduce)).await {
        Ok(()) | Err(JoinError::AlreadyMember) => joined(),
        Err(error @ JoinError::Out(_)) => Response::errors(400, &[&error.to_string()]),
        Err(error @ JoinError::Refused { .. }) => Response::errors(500, &[&error.to_string()]),
    }
}

pub fn challenge(local: &Local, body: &Map<String, Value>) -> Response {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let server_id = text("server_id");
    if server_id.is_empty() || server_id.len() > SERVER_ID_MAX {
        let problem = format!("server_id must be the joiner's node_id, 1 to {SERVER_ID_MAX} bytes");
        return Response::errors(400, &[&problem]);
    }
    let key = BASE64_STANDARD.decode(text("public_key")).ok().and_then(|k| <[u8; 32]>::try_from(k).ok());
    let Some(key) = key else {
        return Response::errors(400, &["public_key must be the joiner's Ed25519 key, 32 bytes in base64"]);
    };
    match local.node.challenge((local.clock)(), server_id, &key) {
        Ok(challenge) => Response::json(200, &json!({ "data": challenge })),
        Err(error) => refused(&error),
    }
}

pub fn answer(local: &Local, body: &Map<String, Value>) -> Response {
    let answer: JoinAnswer = match serde_json::from_value(Value::Object(body.clone())) {
        Ok(answer) => answer,
        Err(problem) => {
            return Response::errors(400, &[&format!("the answer to the challenge cannot be read: {problem}")]);
        }
    };
    match local.node.admit((local.clock)(), answer) {
        Ok(admission) => Response::json(200, &json!({ "data": admission })),
        Err(error) => refused(&error),
    }
}

fn refused(error: &AdmitError) -> Response {
    match error {
        AdmitError::Refused(text) => Response::errors(400, &[text]),
        AdmitError::Sealed => Response::errors(503, &["Vault is sealed"]),
        AdmitError::NotActive(_) | AdmitError::Failed(_) => Response::unavailable(&error.to_string()),
    }
}
