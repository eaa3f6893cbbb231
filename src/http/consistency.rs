//! The headers by which a client says how fresh an answer has to be, and where it wants it from.
//!
//! `X-Vault-Index`, `X-Vault-Inconsistent`, `X-Vault-Forward` and `X-Vault-No-Request-Forwarding` are Vault's;
//! `X-Holdfast-Consistency: stale` is ours: a read of what this node has, without asking the leader.

use holdfast_core::consistency::{Consistency, Forwarding, INDEXES_MAX, Missing};
use hyper::header::HeaderMap;

use super::parse::{Refused, text};

pub fn parse(headers: &HeaderMap, target: &str) -> Result<Consistency, Refused> {
    Ok(Consistency {
        indexes: indexes(headers)?,
        missing: missing(headers)?,
        stale: stale(headers)?,
        forwarding: forwarding(headers, target)?,
    })
}

fn indexes(headers: &HeaderMap) -> Result<Vec<String>, Refused> {
    let values = headers.get_all("x-vault-index").iter();
    let texts: Vec<String> = values.map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned()).collect();
    if texts.len() > INDEXES_MAX {
        return Err(Refused::new(
            400,
            format!("X-Vault-Index comes {} times; at most {INDEXES_MAX} are taken", texts.len()),
        ));
    }
    Ok(texts)
}

fn missing(headers: &HeaderMap) -> Result<Missing, Refused> {
    match text(headers, "x-vault-inconsistent").as_deref() {
        None | Some("" | "fail") => Ok(Missing::Fail),
        // Both ask for what an ordinary read does.
        Some("forward-active-node" | "await-state") => Ok(Missing::ReadNewest),
        Some(other) => {
            let problem =
                format!("X-Vault-Inconsistent is {other:?}; it can be fail, forward-active-node or await-state");
            Err(Refused::new(400, problem))
        }
    }
}

fn stale(headers: &HeaderMap) -> Result<bool, Refused> {
    match text(headers, "x-holdfast-consistency").as_deref() {
        None | Some("linearizable") => Ok(false),
        Some("stale") => Ok(true),
        Some(other) => {
            let problem =
                format!("X-Holdfast-Consistency is {other:?}; it can be linearizable, which is the default, or stale");
            Err(Refused::new(400, problem))
        }
    }
}

fn forwarding(headers: &HeaderMap, target: &str) -> Result<Forwarding, Refused> {
    if text(headers, "x-vault-no-request-forwarding").is_some_and(|value| !value.is_empty()) {
        return Ok(Forwarding::Never { target: target.to_owned() });
    }
    match text(headers, "x-vault-forward").as_deref() {
        None | Some("") => Ok(Forwarding::AsNeeded),
        Some("active-node") => Ok(Forwarding::Always),
        Some(other) => Err(Refused::new(400, format!("X-Vault-Forward is {other:?}; it can be active-node"))),
    }
}
