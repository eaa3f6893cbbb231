//! `sys/init`.

use base64::prelude::{BASE64_STANDARD, Engine};
use holdfast_core::lifecycle::{InitError, InitOptions, Node, Recipients};
use holdfast_core::response::Response;
use schemars::JsonSchema;
use sdk::{Bare, FromField, Input, Map, Params, Path, StringList, Value, Verb, json};
use serde::Serialize;

use super::{Local, Nothing};

/// This path takes JSON numbers only, as clients are used to.
#[derive(Default)]
struct Number(i64);

impl FromField for Number {
    const KIND: &'static str = "integer";
    fn from_field(value: &Value) -> Result<Self, String> {
        match value {
            Value::Null => Ok(Self(0)),
            value => value.as_i64().map(Self).ok_or_else(|| "it must be a number".to_owned()),
        }
    }
}

#[derive(Input)]
struct Init {
    /// How many shares the key is split into.
    secret_shares: Number,
    /// How many of them suffice.
    secret_threshold: Number,
    /// OpenPGP keys that the shares are encrypted to, one each.
    pgp_keys: StringList,
    /// The same of a cluster that unseals by itself.
    recovery_shares: Number,
    /// The same of a cluster that unseals by itself.
    recovery_threshold: Number,
    /// The same of a cluster that unseals by itself.
    recovery_pgp_keys: StringList,
    /// An OpenPGP key that the root token is encrypted to.
    root_token_pgp_key: String,
}

#[derive(Serialize, JsonSchema)]
struct State {
    initialized: bool,
}

/// What is shown once, and kept nowhere.
#[derive(Serialize, JsonSchema)]
struct Made {
    keys: Vec<String>,
    keys_base64: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_keys: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_keys_base64: Option<Vec<String>>,
    root_token: String,
}

pub fn path() -> Path {
    Path::new("init")
        .help("Founds a cluster.", "Makes its keys and the root token, and shows them this once.")
        .open()
        .ids([(Verb::Read, "read-initialization-status"), (Verb::Write, "initialize-system")])
        .node::<Nothing, Bare<State>>(Verb::Read)
        .node::<Init, Bare<Made>>(Verb::Write)
}

pub fn state(node: &Node) -> Response {
    Response::json(200, &json!(State { initialized: node.is_initialised() }))
}

pub async fn init(local: &Local, body: &Map<String, Value>) -> Response {
    if local.node.is_initialised() {
        return Response::errors(400, &[&InitError::Already.to_string()]);
    }
    let seal = local.node.configured_seal();
    let others = if seal.is_automatic() { SECRET } else { RECOVERY };
    let strangers: Vec<&str> = others.into_iter().filter(|name| is_given(body, name)).collect();
    if !strangers.is_empty() {
        let text = format!("parameters {} not applicable to seal type {}", strangers.join(","), seal.name());
        return Response::errors(400, &[&text]);
    }
    let given = match Init::parse(&Params::new([].into(), body.clone())) {
        Ok(given) => given,
        Err(failure) => return Response::failure(&failure),
    };
    let (Number(shares), Number(threshold), StringList(holders)) = match seal.is_automatic() {
        true => (given.recovery_shares, given.recovery_threshold, given.recovery_pgp_keys),
        false => (given.secret_shares, given.secret_threshold, given.pgp_keys),
    };
    let root_token = Some(given.root_token_pgp_key).filter(|key| !key.is_empty());
    let recipients = Recipients { shares: holders, root_token };
    let options =
        InitOptions { shares, threshold, recipients, cluster_name: local.cluster_name.clone(), now: (local.clock)() };
    match local.node.init(options).await {
        Ok(made) => {
            let hex: Vec<String> = made.shares.iter().map(hex::encode).collect();
            let base64: Vec<String> = made.shares.iter().map(|share| BASE64_STANDARD.encode(share)).collect();
            let root_token = made.root_token.to_string();
            let shown = match seal.is_automatic() {
                true => Made {
                    keys: Vec::new(),
                    keys_base64: Vec::new(),
                    recovery_keys: Some(hex),
                    recovery_keys_base64: Some(base64),
                    root_token,
                },
                false => {
                    Made { keys: hex, keys_base64: base64, recovery_keys: None, recovery_keys_base64: None, root_token }
                }
            };
            Response::json(200, &json!(shown))
        }
        Err(error @ (InitError::Already | InitError::Elsewhere(_) | InitError::Seal(_) | InitError::Recipients(_))) => {
            Response::errors(400, &[&error.to_string()])
        }
        Err(error @ InitError::Unavailable(_)) => Response::unavailable(&error.to_string()),
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
