//! `oidc/config`: the issuer of identity tokens.

use std::sync::Arc;

use oidc::Config;
use schemars::JsonSchema;
use sdk::{Answer, Ctx, Input, Path, Reply, Result, Txn, Verb, View};
use serde::Serialize;

use super::{Nothing, Oidc, issuer};

#[derive(Input)]
struct Write {
    /// Scheme, host and perhaps port that tokens name as their issuer. Empty: the server's api_addr.
    issuer: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    issuer: String,
}

pub fn path(oidc: &Arc<Oidc>) -> Path {
    let oidc = Arc::clone(oidc);
    Path::new("oidc/config/?")
        .ids([(Verb::Read, "oidc-read-configuration"), (Verb::Write, "oidc-configure")])
        .help("The issuer of identity tokens.", "Verifiers find the public keys below this address.")
        .view(Verb::Read, move |_: &Ctx, Nothing {}: Nothing, view: &View| {
            let config = Config::get(view)?;
            let unreachable = issuer::address(&oidc.node, &config.issuer).is_ok_and(|address| address.is_empty());
            let shown = Reply::data(Shown { issuer: config.issuer })?;
            Ok(if unreachable {
                shown.warn(
                    "Both \"issuer\" and the server's \"api_addr\" are empty. The issuer claim in generated tokens will not be \
                     network reachable.",
                )
            } else {
                shown
            })
        })
        .txn(Verb::Write, write)
}

fn write(_: &Ctx, input: Write, txn: &mut Txn) -> Result<Answer> {
    let Some(issuer) = input.issuer else { return Ok(Answer::empty()) };
    issuer::check(&issuer)?;
    let explicit = !issuer.is_empty();
    Config { issuer }.put(txn)?;
    Ok(if explicit { Answer::empty().warn(issuer::WARNING) } else { Answer::empty() })
}
