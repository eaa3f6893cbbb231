//! `sys/storage/raft/join` on a joiner; `…/bootstrap/challenge` and `…/bootstrap/answer` on those it asks.

use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine};
use holdfast_core::lifecycle::{AdmitError, JoinAnswer, JoinError, JoinTarget};
use holdfast_core::response::Response;
use schemars::JsonSchema;
use sdk::{Bare, Input, Map, Params, Path, Value, Verb, json};
use serde::Serialize;

use super::Local;

#[derive(Input)]
struct Join {
    /// The API address of a member to ask.
    leader_api_addr: String,
    /// The certificate authority of that address, in PEM.
    leader_ca_cert: String,
    /// A certificate to show there, in PEM.
    leader_client_cert: String,
    /// Its key, in PEM.
    leader_client_key: String,
    /// The name in the certificate there.
    leader_tls_servername: String,
    /// Joins without a vote.
    non_voter: bool,
}

#[derive(Serialize, JsonSchema)]
struct Joined {
    joined: bool,
}

#[derive(Input)]
struct Ask {
    /// The joiner's node_id.
    server_id: String,
    /// The joiner's Ed25519 key, 32 bytes in base64.
    public_key: String,
}

/// What nodes tell each other, and nobody else needs to read.
#[derive(Input)]
struct BetweenNodes {
    #[field(rest)]
    all: Map<String, Value>,
}

pub fn paths() -> Vec<Path> {
    let join = Path::new("storage/raft/join")
        .help("Joins this node to a cluster.", "Unsealed with that cluster's shares, it becomes a member.")
        .open()
        .node::<Join, Bare<Joined>>(Verb::Write);
    let challenge = Path::new("storage/raft/bootstrap/challenge")
        .help("Asks a joiner to prove that it holds the seal.", "What is answered is for the node that asked.")
        .open()
        .node::<Ask, Bare<Map<String, Value>>>(Verb::Write);
    let answer = Path::new("storage/raft/bootstrap/answer")
        .help("Takes a joiner's proof that it holds the seal.", "The node is a member then.")
        .open()
        .node::<BetweenNodes, Bare<Map<String, Value>>>(Verb::Write);
    vec![join, challenge, answer]
}

/// The longest name a node may have, in bytes.
const SERVER_ID_MAX: usize = 256;

/// Who belongs to a cluster has joined one: scripts ask every node whenever they run.
pub async fn join(local: &Local, body: &Map<String, Value>) -> Response {
    let joined = || Response::json(200, &json!(Joined { joined: true }));
    if local.node.replication.initialised() && local.node.out().is_none() {
        return joined();
    }
    let join = match Join::parse(&Params::new([].into(), body.clone())) {
        Ok(join) => join,
        Err(failure) => return Response::failure(&failure),
    };
    if join.leader_api_addr.is_empty() {
        return Response::errors(400, &["leader_api_addr is missing: name the API address of a member to ask"]);
    }
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    let target = JoinTarget {
        leader_api_addr: join.leader_api_addr,
        leader_ca_cert: given(join.leader_ca_cert),
        leader_client_cert: given(join.leader_client_cert),
        leader_client_key: given(join.leader_client_key),
        leader_tls_servername: given(join.leader_tls_servername),
        non_voter: join.non_voter,
    };
    match local.node.join(target, Arc::clone(&local.introduce)).await {
        Ok(()) | Err(JoinError::AlreadyMember) => joined(),
        Err(error @ JoinError::Out(_)) => Response::errors(400, &[&error.to_string()]),
        Err(error @ JoinError::Refused { .. }) => Response::errors(500, &[&error.to_string()]),
    }
}

pub fn challenge(local: &Local, body: &Map<String, Value>) -> Response {
    let Ask { server_id, public_key } = match Ask::parse(&Params::new([].into(), body.clone())) {
        Ok(ask) => ask,
        Err(failure) => return Response::failure(&failure),
    };
    if server_id.is_empty() || server_id.len() > SERVER_ID_MAX {
        let problem = format!("server_id must be the joiner's node_id, 1 to {SERVER_ID_MAX} bytes");
        return Response::errors(400, &[&problem]);
    }
    let key = BASE64_STANDARD.decode(public_key).ok().and_then(|k| <[u8; 32]>::try_from(k).ok());
    let Some(key) = key else {
        return Response::errors(400, &["public_key must be the joiner's Ed25519 key, 32 bytes in base64"]);
    };
    match local.node.challenge((local.clock)(), &server_id, &key) {
        Ok(challenge) => Response::json(200, &json!({ "data": challenge })),
        Err(error) => refused(&error),
    }
}

pub fn answer(local: &Local, body: &Map<String, Value>) -> Response {
    let BetweenNodes { all } = match BetweenNodes::parse(&Params::new([].into(), body.clone())) {
        Ok(told) => told,
        Err(failure) => return Response::failure(&failure),
    };
    let answer: JoinAnswer = match serde_json::from_value(Value::Object(all)) {
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
