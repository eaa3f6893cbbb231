//! `oidc/provider`, `oidc/provider/:name`: issuers that clients have people log in with.

use std::sync::Arc;

use oidc::{DEFAULT, Provider, Scope, Template};
use policy::TemplateValues;
use schemars::JsonSchema;
use sdk::{Answer, CommaList, Ctx, Failure, Input, Map, Millis, Name, Path, Reply, Result, Txn, Verb, View};
use serde::Serialize;

use super::given::{room_for_one, set};
use super::{Oidc, issuer};
use crate::identity::listing;

const CLIENTS_MAX: usize = 1000;
const SCOPES_MAX: usize = 256;

#[derive(Input)]
struct Named {
    /// The provider's name.
    name: Name,
}

#[derive(Input)]
struct List {
    /// Shows those only that this client may use.
    allowed_client_id: String,
}

#[derive(Input)]
struct Write {
    /// The provider's name.
    name: Name,
    /// Scheme, host and perhaps port that ID tokens name as their issuer. Empty: the server's api_addr.
    issuer: Option<String>,
    /// The IDs of clients that may use it; * for all.
    allowed_client_ids: Option<CommaList>,
    /// The scopes that clients may ask for, beside `openid`.
    scopes_supported: Option<CommaList>,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    allowed_client_ids: Vec<String>,
    /// Its whole address.
    issuer: String,
    scopes_supported: Vec<String>,
}

impl Shown {
    fn of(oidc: &Oidc, ctx: &Ctx, name: &str, provider: Provider) -> Result<Self> {
        let issuer = issuer::of_provider(&oidc.node, ctx, &provider, name)?;
        let Provider { allowed_client_ids, scopes_supported, .. } = provider;
        Ok(Self { allowed_client_ids, issuer, scopes_supported })
    }
}

pub fn list(oidc: &Arc<Oidc>) -> Path {
    let oidc = Arc::clone(oidc);
    Path::new("oidc/provider/?")
        .ids([(Verb::List, "oidc-list-providers")])
        .help("Lists the providers.", "With their settings.")
        .view(Verb::List, move |ctx: &Ctx, list: List, view: &View| {
            let mut infos = Map::new();
            for name in Provider::names(view)? {
                let Some(provider) = Provider::get(view, &name)? else { continue };
                if list.allowed_client_id.is_empty() || provider.allows(&list.allowed_client_id) {
                    let shown = Shown::of(&oidc, ctx, &name, provider)?;
                    infos.insert(name, serde_json::to_value(shown).map_err(Failure::internal)?);
                }
            }
            listing(infos.keys().cloned().collect(), infos)
        })
}

pub fn one(oidc: &Arc<Oidc>) -> Path {
    let oidc = Arc::clone(oidc);
    Path::new("oidc/provider/:name")
        .ids([
            (Verb::Read, "oidc-read-provider"),
            (Verb::Write, "oidc-write-provider"),
            (Verb::Delete, "oidc-delete-provider"),
        ])
        .help("An issuer that clients have people log in with.", "Which clients may use it, and what they may ask for.")
        .exists(|_: &Ctx, named: Named, view: &View| Ok(Provider::get(view, &named.name.checked()?)?.is_some()))
        .view(Verb::Read, move |ctx: &Ctx, named: Named, view: &View| {
            let name = named.name.checked()?;
            let provider = Provider::get(view, &name)?.ok_or(Failure::NotFound)?;
            Reply::data(Shown::of(&oidc, ctx, &name, provider)?)
        })
        .txn(Verb::Write, write)
        .txn(Verb::Delete, |_: &Ctx, named: Named, txn: &mut Txn| {
            let name = named.name.checked()?;
            if name == DEFAULT {
                return Err(Failure::invalid(format!("deletion of OIDC provider {name:?} not allowed")));
            }
            if let Some(provider) = Provider::take(txn, &name)? {
                provider.delete(txn, &name)?;
            }
            Ok(Answer::empty())
        })
}

fn write(ctx: &Ctx, input: Write, txn: &mut Txn) -> Result<Answer> {
    let name = input.name.checked()?;
    let found = Provider::take(txn, &name)?;
    if found.is_none() {
        room_for_one("providers", &Provider::names(txn)?)?;
    }
    let mut provider = found.unwrap_or_default();
    let before = provider.clone();
    provider.issuer = input.issuer.unwrap_or(provider.issuer);
    issuer::check(&provider.issuer)?;
    if let Some(ids) = input.allowed_client_ids {
        provider.allowed_client_ids = set("allowed_client_ids", ids, CLIENTS_MAX)?;
    }
    if let Some(scopes) = input.scopes_supported {
        provider.scopes_supported = set("scopes_supported", scopes, SCOPES_MAX)?;
    }
    let mut answer = Answer::empty();
    if !provider.issuer.is_empty() {
        answer = answer.warn(issuer::WARNING);
    }
    let mut claims: Vec<(String, &str)> = Vec::new();
    for scope in &provider.scopes_supported {
        let missing = || Failure::invalid(format!("scope {scope:?} does not exist"));
        let template = Scope::get(txn, scope)?.ok_or_else(missing)?.template;
        for claim in claims_in(&template)? {
            if let Some((_, other)) = claims.iter().find(|(known, _)| *known == claim) {
                answer = answer.warn(format!(
                    "Found scope templates with conflicting top-level keys: conflict {claim:?} in scopes {scope:?}, {other:?}. \
                     This may result in an error if the scopes are requested in an OIDC Authentication Request."
                ));
            }
            claims.push((claim, scope));
        }
    }
    provider.put(txn, &name, &before, ctx.now)?;
    Ok(answer)
}

fn claims_in(template: &str) -> Result<Vec<String>> {
    if template.is_empty() {
        return Ok(Vec::new());
    }
    let template = Template::new(template).map_err(Failure::internal)?;
    let claims = template.fill(Some(&TemplateValues::default()), Millis(0)).map_err(Failure::internal)?;
    Ok(claims.into_iter().map(|(name, _)| name).collect())
}
