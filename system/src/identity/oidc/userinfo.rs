//! `oidc/provider/:name/userinfo`: the claims of who has logged in, for whoever has the access token.

use oidc::{Client, Provider};
use sdk::{Ctx, Input, Map, Name, Path, Result, Value, Verb, View, json};
use serde::Deserialize;

use super::oauth::{OAuth, Refusal, Stop};
use super::person::{Person, claims_of};

#[derive(Input)]
struct Named {
    /// The provider's name.
    name: Name,
}

/// What an access token was given for.
#[derive(Deserialize)]
struct For {
    client_id: String,
    scopes: Vec<String>,
}

pub fn path() -> Path {
    Path::new("oidc/provider/:name/userinfo")
        .ids([(Verb::Read, "oidc-provider-user-info"), (Verb::Write, "oidc-provider-user-info2")])
        .help("The claims of who has logged in.", "For the access token that the client got with the ID token.")
        .bearer()
        .view(Verb::Read, tell)
        .view(Verb::Write, tell)
}

fn tell(ctx: &Ctx, named: Named, view: &View) -> Result<OAuth<Map<String, Value>>> {
    match claims(ctx, &named, view) {
        Ok(claims) => OAuth::answer(claims),
        Err(Stop::Failed(failure)) => Err(failure),
        Err(Stop::Refused(refusal)) => {
            // RFC 6750, 3.
            let told =
                format!("Bearer error=\"{}\",error_description=\"{}\"", refusal.error, quoted(&refusal.description));
            let tells = matches!(refusal.status, 400 | 401);
            let answer = OAuth::refused(refusal);
            Ok(if tells { answer.with(|answer| answer.header("www-authenticate", told)) } else { answer })
        }
    }
}

const NOBODY: &str =
    "there is no access token that counts here: none was sent, it has expired, or it is for another provider";

/// As it can stand in a header: the body says it as it is.
fn quoted(text: &str) -> String {
    text.chars().map(|c| if matches!(c, ' '..='~') && c != '"' && c != '\\' { c } else { '?' }).collect()
}

fn claims(ctx: &Ctx, named: &Named, view: &View) -> std::result::Result<Map<String, Value>, Stop> {
    let invalid = |why: &str| Stop::from(Refusal::invalid_request(why));
    let token = |why: &str| Stop::from(Refusal::new(401, "invalid_token", why));
    let denied = |why: &str| Stop::from(Refusal::new(403, "access_denied", why));
    let caller = ctx.caller.ok_or_else(|| token(NOBODY))?;
    let provider = Provider::get(view, named.name.as_str())?.ok_or_else(|| invalid("provider not found"))?;
    if !ctx.authorization.bearer {
        return Err(token("access token must be sent as a Bearer token"));
    }
    let purpose = caller.purpose.clone().and_then(|purpose| serde_json::from_value::<For>(purpose).ok());
    let purpose = purpose.ok_or_else(|| token("access token is malformed or invalid"))?;
    let client = Client::by_id(view, &purpose.client_id)?.ok_or_else(|| denied("client not found"))?;
    let person = Person::find(view, &caller.entity_id)?;
    let person = person.ok_or_else(|| denied("identity entity associated with the request not found"))?;
    if !person.may_use(view, &client)? {
        return Err(denied("identity entity not authorized by client assignment"));
    }
    if !provider.allows(&client.id) {
        return Err(denied("client is not authorized to use the provider"));
    }
    let supported = |scope: &String| provider.scopes_supported.contains(scope);
    let scopes: Vec<String> = purpose.scopes.into_iter().filter(supported).collect();
    let claims = claims_of(view, &scopes, Some(&person.values()), ctx.now)?;
    let mut claims = claims.map_err(|conflict| invalid(&conflict))?;
    claims.insert("sub".to_owned(), json!(person.entity.id));
    Ok(claims)
}
