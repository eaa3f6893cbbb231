//! `oidc/provider/:name/.well-known/openid-configuration`, `oidc/provider/:name/.well-known/keys`: what clients of a provider ask
//! for first.

use std::sync::Arc;

use oidc::{KeySet, OPENID, Provider};
use schemars::JsonSchema;
use sdk::{Ctx, Failure, Input, Name, Path, Result, Verb, View};
use serde::Serialize;

use super::oauth::OAuth;
use super::well_known::{Keys, algorithms};
use super::{Oidc, issuer};

#[derive(Input)]
struct Named {
    /// The provider's name.
    name: Name,
}

#[derive(Serialize, JsonSchema)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    id_token_signing_alg_values_supported: Vec<&'static str>,
    response_types_supported: [&'static str; 1],
    scopes_supported: Vec<String>,
    claims_supported: [&'static str; 0],
    subject_types_supported: [&'static str; 1],
    grant_types_supported: [&'static str; 1],
    token_endpoint_auth_methods_supported: [&'static str; 3],
    code_challenge_methods_supported: [&'static str; 2],
}

pub fn discovery(oidc: &Arc<Oidc>) -> Path {
    let oidc = Arc::clone(oidc);
    Path::new("oidc/provider/:name/.well-known/openid-configuration")
        .open()
        .ids([(Verb::Read, "oidc-read-provider-open-id-configuration")])
        .help("What clients of the provider go by.", "Its endpoints, and what they support.")
        .view(Verb::Read, move |ctx: &Ctx, named: Named, view: &View| describe(&oidc, ctx, named, view))
}

fn describe(oidc: &Oidc, ctx: &Ctx, named: Named, view: &View) -> Result<OAuth<Discovery>> {
    let name = named.name.checked()?;
    let provider = Provider::get(view, &name)?.ok_or(Failure::NotFound)?;
    let issuer = issuer::of_provider(&oidc.node, ctx, &provider, &name)?;
    let kept = issuer::kept(&provider.issuer);
    let mut scopes = provider.scopes_supported;
    scopes.push(OPENID.to_owned());
    let answer = OAuth::answer(Discovery {
        jwks_uri: format!("{issuer}/.well-known/keys"),
        // Where people are, not programs: a page that logs them in.
        authorization_endpoint: format!("{}/authorize", issuer.replacen("/v1/", "/ui/vault/", 1)),
        token_endpoint: format!("{issuer}/token"),
        userinfo_endpoint: format!("{issuer}/userinfo"),
        issuer,
        request_parameter_supported: false,
        request_uri_parameter_supported: false,
        id_token_signing_alg_values_supported: algorithms(),
        response_types_supported: ["code"],
        scopes_supported: scopes,
        claims_supported: [],
        subject_types_supported: ["public"],
        grant_types_supported: ["authorization_code"],
        token_endpoint_auth_methods_supported: ["none", "client_secret_basic", "client_secret_post"],
        code_challenge_methods_supported: ["plain", "S256"],
    })?;
    Ok(answer.with(|answer| answer.header("cache-control", kept)))
}

pub fn keys() -> Path {
    Path::new("oidc/provider/:name/.well-known/keys")
        .open()
        .ids([(Verb::Read, "oidc-read-provider-public-keys")])
        .help("The public keys of the provider.", "Those that sign for its clients, that will next, and that have.")
        .view(Verb::Read, |ctx: &Ctx, named: Named, view: &View| {
            let provider = Provider::get(view, &named.name.checked()?)?.ok_or(Failure::NotFound)?;
            // As many as there are keys: other requests go on meanwhile.
            OAuth::answer(sdk::aside(|| Keys::of(KeySet::of_provider(view, &provider, ctx.now)?.jwks()?))?)
        })
}
