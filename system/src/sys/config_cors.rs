//! `sys/config/cors`: which web pages may talk to this cluster.

use holdfast_core::cors::{CLIENT_HEADERS, CorsRules};
use schemars::JsonSchema;
use sdk::{Answer, CommaList, Ctx, Failure, Input, Path, Reply, Result, Txn, Verb, View};
use serde::Serialize;

#[derive(Input)]
struct Nothing {}

#[derive(Input)]
struct Set {
    /// Origins such as `https://app.example`, or `*` alone for all.
    allowed_origins: CommaList,
    /// Headers that pages may send beside those that clients of this API send.
    allowed_headers: CommaList,
    /// Whether browsers may send credentials along.
    allow_credentials: bool,
    /// Ignored: setting it enables it, deleting it disables it.
    #[field(deprecated)]
    #[expect(dead_code, reason = "clients send it")]
    enable: bool,
}

#[derive(Serialize, JsonSchema)]
struct Cors {
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_origins: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_headers: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allow_credentials: Option<bool>,
}

pub fn path() -> Path {
    Path::new("config/cors")
        .help(
            "Says which web pages may talk to this cluster.",
            "Requests of pages from other origins are refused by every node. A listener's own rules come before these.",
        )
        .sudo()
        .ids([
            (Verb::Read, "cors-read-configuration"),
            (Verb::Write, "cors-configure"),
            (Verb::Delete, "cors-delete-configuration"),
        ])
        .view(Verb::Read, |_: &Ctx, Nothing {}: Nothing, view: &View| show(CorsRules::read(view)?))
        .txn(Verb::Write, |_: &Ctx, set: Set, txn: &mut Txn| {
            let origins = distinct(set.allowed_origins.0);
            if origins.is_empty() {
                return Err(refused("at least one origin or the wildcard must be provided"));
            }
            if origins.len() > 1 && origins.iter().any(|origin| origin == "*") {
                return Err(refused("to allow all origins the '*' must be the only value for allowed_origins"));
            }
            let known = |name: &String| !CLIENT_HEADERS.iter().any(|known| known.eq_ignore_ascii_case(name));
            let headers = distinct(set.allowed_headers.0).into_iter().filter(known).collect();
            CorsRules { origins, headers, credentials: set.allow_credentials }.set(txn)?;
            Ok(Answer::empty())
        })
        .txn(Verb::Delete, |_: &Ctx, Nothing {}: Nothing, txn: &mut Txn| {
            CorsRules::forget(txn);
            Ok(Answer::empty())
        })
}

fn show(rules: Option<CorsRules>) -> Result<Reply<Cors>> {
    let headers = |rules: &CorsRules| {
        let ours = CLIENT_HEADERS.iter().map(|name| (*name).to_owned());
        ours.chain(rules.headers.iter().cloned()).collect()
    };
    Reply::mirrored(Cors {
        enabled: rules.is_some(),
        allowed_headers: rules.as_ref().map(headers),
        allow_credentials: rules.as_ref().map(|rules| rules.credentials),
        allowed_origins: rules.map(|rules| rules.origins),
    })
}

fn distinct(names: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    names.into_iter().filter(|name| seen.insert(name.clone())).collect()
}

fn refused(why: &str) -> Failure {
    Failure::Invalid(format!("1 error occurred:\n\t* {why}\n\n"))
}
