//! `oidc/.well-known/openid-configuration`, `oidc/.well-known/keys`: what verifiers of identity tokens ask for.

use std::sync::Arc;

use oidc::{Algorithm, Config, Jwk, KeySet};
use schemars::JsonSchema;
use sdk::{Ctx, Path, Result, Verb, View};
use serde::Serialize;

use super::oauth::OAuth;
use super::{Nothing, Oidc, issuer};

#[derive(Serialize, JsonSchema)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
    response_types_supported: [&'static str; 1],
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: Vec<&'static str>,
}

/// As the standard has it: the fields of a key depend on its type.
#[derive(Serialize, JsonSchema)]
pub struct Keys {
    keys: Vec<sdk::Map<String, sdk::Value>>,
}

impl Keys {
    pub fn of(keys: Vec<Jwk>) -> Result<Self> {
        let object = |jwk: Jwk| match serde_json::to_value(jwk) {
            Ok(sdk::Value::Object(fields)) => Ok(fields),
            _ => Err(sdk::Failure::internal("a public key is an object")),
        };
        Ok(Self { keys: keys.into_iter().map(object).collect::<Result<_>>()? })
    }
}

pub fn algorithms() -> Vec<&'static str> {
    Algorithm::ALL.into_iter().map(Algorithm::name).collect()
}

pub fn discovery(oidc: &Arc<Oidc>) -> Path {
    let oidc = Arc::clone(oidc);
    Path::new("oidc/.well-known/openid-configuration/?")
        .open()
        .ids([(Verb::Read, "oidc-read-open-id-configuration")])
        .help("What verifiers of identity tokens go by.", "The issuer, and where its public keys are.")
        .view(Verb::Read, move |ctx: &Ctx, Nothing {}: Nothing, view: &View| {
            let issuer = issuer::of_roles(&oidc.node, ctx, view)?;
            let kept = issuer::kept(&Config::get(view)?.issuer);
            let answer = OAuth::answer(Discovery {
                jwks_uri: format!("{issuer}/.well-known/keys"),
                issuer,
                response_types_supported: ["id_token"],
                subject_types_supported: ["public"],
                id_token_signing_alg_values_supported: algorithms(),
            })?;
            Ok(answer.with(|answer| answer.header("cache-control", kept)))
        })
}

pub fn keys() -> Path {
    Path::new("oidc/.well-known/keys/?")
        .open()
        .ids([(Verb::Read, "oidc-read-public-keys")])
        .help("The public keys of identity tokens.", "Those that sign, those that will next, and those that have.")
        .view(Verb::Read, |ctx: &Ctx, Nothing {}: Nothing, view: &View| {
            // As many as there are keys: other requests go on meanwhile.
            let read = || -> Result<(KeySet, Keys)> {
                let set = KeySet::of_roles(view, ctx.now)?;
                let keys = Keys::of(set.jwks()?)?;
                Ok((set, keys))
            };
            let (set, keys) = sdk::aside(read)?;
            let answer = OAuth::answer(keys)?;
            let Some(steady) = set.steady.filter(|steady| *steady > 0 && !set.keys.is_empty()) else {
                return Ok(answer);
            };
            // Not all who verify come again at the same time.
            let seconds = u64::from_be_bytes(crypto::random()) % steady;
            Ok(answer.with(|answer| answer.header("cache-control", format!("max-age={seconds}"))))
        })
}
