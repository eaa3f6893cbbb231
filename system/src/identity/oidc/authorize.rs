//! `oidc/provider/:name/authorize`: whoever has a token logs in to a client, which gets a code for it.

use oidc::{CODE_TTL, Challenge, Client, ClientKind, Grant, NotAChallenge, OPENID, Provider, letters};
use schemars::JsonSchema;
use sdk::{Ctx, Input, Name, Path, Result, Txn, Value, Verb};
use serde::Serialize;

use super::given::TEXT_MAX;
use super::oauth::{OAuth, Refusal, Stop};
use super::person::Person;
use super::wake;

#[derive(Input)]
struct Asked {
    /// The provider's name.
    name: Name,
    /// Who wants to know who logs in.
    client_id: String,
    /// What it wants to know, with spaces between; `openid` must be among it.
    scope: String,
    /// Where the answer is sent.
    redirect_uri: String,
    /// `code`.
    response_type: String,
    /// What the client wants to see again.
    state: String,
    /// What the ID token is to repeat.
    nonce: String,
    /// How many seconds ago who has the token may have logged in at the most.
    max_age: Option<i64>,
    /// What the client proves at the token endpoint that it has asked for: 43 to 128 characters.
    code_challenge: Option<String>,
    /// `plain`, or `S256` for the hash of it.
    code_challenge_method: String,
    /// Not supported.
    request: Option<Value>,
    /// Not supported.
    request_uri: Option<Value>,
}

#[derive(Serialize, JsonSchema)]
struct Authorized {
    /// To be redeemed once, within minutes.
    code: String,
    state: String,
}

pub fn path() -> Path {
    Path::new("oidc/provider/:name/authorize")
        .ids([(Verb::Read, "oidc-provider-authorize"), (Verb::Write, "oidc-provider-authorize-with-parameters")])
        .help(
            "Logs in to a client.",
            "Who has a token with an entity gets a code, which the client redeems at the token endpoint.",
        )
        .txn(Verb::Read, authorize)
        .txn(Verb::Write, authorize)
}

fn authorize(ctx: &Ctx, asked: Asked, txn: &mut Txn) -> Result<OAuth<Authorized>> {
    let unsupported = asked.request.is_some() || asked.request_uri.is_some();
    let state = if asked.state.len() > TEXT_MAX || unsupported { String::new() } else { asked.state.clone() };
    match grant(ctx, &asked, txn) {
        Ok(grant) => {
            let code = letters(32);
            let due = oidc::store(txn, &code, &grant)?;
            wake(ctx, txn, Some(due))?;
            // Whoever has it can redeem it: it is not kept for whoever asks what came of the request.
            Ok(OAuth::answer(Authorized { code, state })?.with(sdk::Answer::shown_once))
        }
        Err(Stop::Refused(refusal)) => Ok(OAuth::refused(Refusal { state: Some(state), ..refusal })),
        Err(Stop::Failed(failure)) => Err(failure),
    }
}

fn refused(error: &'static str, description: &str) -> Stop {
    Refusal::new(400, error, description).into()
}

fn invalid(description: &str) -> Stop {
    refused("invalid_request", description)
}

fn grant(ctx: &Ctx, asked: &Asked, txn: &Txn) -> std::result::Result<Grant, Stop> {
    if asked.client_id.is_empty() {
        return Err(refused("invalid_client_id", "client_id parameter is required"));
    }
    let unknown = || refused("invalid_client_id", "client with client_id not found");
    let client = Client::by_id(txn, &asked.client_id)?.ok_or_else(unknown)?;
    if !client.authorization_code {
        return Err(refused("invalid_grant", "client not allowed to perform authorization code credential flow"));
    }
    if asked.redirect_uri.is_empty() {
        return Err(invalid("redirect_uri parameter is required"));
    }
    if asked.redirect_uri.len() > TEXT_MAX || !oidc::may_redirect(&asked.redirect_uri, &client.redirect_uris) {
        return Err(refused("invalid_redirect_uri", "redirect_uri is not allowed for the client"));
    }
    let name = asked.name.as_str();
    let provider = Provider::get(txn, name)?.ok_or_else(|| invalid("provider not found"))?;
    if !provider.allows(&client.id) {
        return Err(refused("unauthorized_client", "client is not authorized to use the provider"));
    }
    if asked.request.is_some() {
        return Err(refused("request_not_supported", "request parameter is not supported"));
    }
    if asked.request_uri.is_some() {
        return Err(refused("request_uri_not_supported", "request_uri parameter is not supported"));
    }
    for (what, text) in [("state", &asked.state), ("nonce", &asked.nonce), ("scope", &asked.scope)] {
        if text.len() > TEXT_MAX {
            return Err(invalid(&format!("{what} may have at most {TEXT_MAX} bytes")));
        }
    }
    let scopes = provider.scopes(&asked.scope);
    let scopes = scopes.ok_or_else(|| invalid(&format!("scope parameter must contain the {OPENID:?} value")))?;
    match asked.response_type.as_str() {
        "code" => {}
        "" => return Err(invalid("response_type parameter is required")),
        _ => return Err(refused("unsupported_response_type", "unsupported response_type value")),
    }
    let denied = |why: &str| refused("access_denied", why);
    let caller = ctx.caller.filter(|caller| !caller.entity_id.is_empty());
    let caller = caller.ok_or_else(|| denied("identity entity must be associated with the request"))?;
    let person = Person::find(txn, &caller.entity_id)?;
    let person = person.ok_or_else(|| denied("identity entity associated with the request not found"))?;
    if !person.may_use(txn, &client)? {
        return Err(denied("identity entity not authorized by client assignment"));
    }
    let challenge = match &asked.code_challenge {
        Some(text) => Some(Challenge::new(&asked.code_challenge_method, text).map_err(|problem| match problem {
            NotAChallenge::Method => invalid("invalid code_challenge_method"),
            NotAChallenge::Text => invalid("invalid code_challenge"),
        })?),
        None if client.kind == ClientKind::Public => return Err(invalid("PKCE is required for public clients")),
        None if !asked.code_challenge_method.is_empty() => {
            return Err(invalid("code_challenge_method without code_challenge"));
        }
        None => None,
    };
    let auth_time = match asked.max_age {
        Some(age) if age < 1 => return Err(invalid("max_age must be greater than zero")),
        // `age` is above zero. Who has a token without a login has shown nobody who they are.
        Some(age) => match caller.logged_in.filter(|at| at.until(ctx.now).as_secs() <= age.unsigned_abs()) {
            Some(at) => Some(at),
            None => return Err(refused("max_age_violation", "active re-authentication is required by max_age")),
        },
        None => None,
    };
    Ok(Grant {
        provider: name.to_owned(),
        client_id: client.id,
        entity_id: person.entity.id,
        redirect_uri: asked.redirect_uri.clone(),
        nonce: asked.nonce.clone(),
        scopes,
        auth_time,
        challenge,
        expires: ctx.now.plus(CODE_TTL),
    })
}
