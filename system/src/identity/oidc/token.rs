//! `oidc/token/:name`: an identity token of the caller's entity.

use std::sync::Arc;
use std::time::Duration;

use oidc::{NamedKey, Role, Template};
use schemars::JsonSchema;
use sdk::{Ctx, Failure, Input, Name, Path, Reply, Result, Verb, View, json};
use serde::Serialize;

use super::person::Person;
use super::{Oidc, issuer};

#[derive(Input)]
struct Which {
    /// The role's name.
    name: Name,
}

#[derive(Serialize, JsonSchema)]
struct Given {
    /// Whom it is for.
    client_id: String,
    /// A signed JWT.
    token: String,
    /// In seconds.
    ttl: u64,
}

pub fn path(oidc: &Arc<Oidc>) -> Path {
    let oidc = Arc::clone(oidc);
    Path::new("oidc/token/:name")
        .ids([(Verb::Read, "oidc-generate-token")])
        .help("Makes an identity token.", "It says who the caller's entity is, signed by the role's key.")
        .view(Verb::Read, move |ctx: &Ctx, which: Which, view: &View| generate(&oidc, ctx, which, view))
}

fn generate(oidc: &Oidc, ctx: &Ctx, which: Which, view: &View) -> Result<Reply<Given>> {
    let name = which.name.checked()?;
    let role = Role::get(view, &name)?.ok_or_else(|| Failure::invalid(format!("role {name:?} not found")))?;
    let missing = || Failure::invalid(format!("key {:?} not found", role.key));
    let key = NamedKey::get(view, &role.key)?.ok_or_else(missing)?;
    if !key.allows(&role.client_id) {
        return Err(Failure::invalid(format!(
            "the key {:?} does not list the client ID of the role {name:?} as an allowed client ID",
            role.key
        )));
    }
    let entity_id = ctx.caller.map(|caller| caller.entity_id.as_str()).unwrap_or_default();
    if entity_id.is_empty() {
        return Err(Failure::invalid("no entity associated with the request's token"));
    }
    let gone = || Failure::invalid("the entity associated with the request's token is not there any more");
    let person = Person::find(view, entity_id)?.ok_or_else(gone)?;
    let ttl = role.ttl.min(key.verification_ttl);
    let mut claims = match Template::new(&role.template) {
        _ if role.template.is_empty() => Default::default(),
        Ok(template) => template.fill(Some(&person.values()), ctx.now).map_err(Failure::internal)?,
        Err(problem) => return Err(Failure::internal(problem)),
    };
    let now = ctx.now.0 / 1000;
    for (claim, value) in [
        ("iss", json!(issuer::of_roles(&oidc.node, ctx, view)?)),
        ("namespace", json!(ctx.namespace.id.shown())),
        ("sub", json!(person.entity.id)),
        ("aud", json!(role.client_id)),
        ("iat", json!(now)),
        ("exp", json!(ctx.now.plus(Duration::from_secs(ttl)).0 / 1000)),
    ] {
        claims.insert(claim.to_owned(), value);
    }
    let unmade = || Failure::invalid("the key has no key pair yet; rotate the key and try again");
    let signer = oidc.signers.get(view, &role.key, &key)?.ok_or_else(unmade)?;
    let token = oidc::sign(&signer, oidc::ID_TOKEN, &claims)?;
    Reply::data(Given { client_id: role.client_id, token, ttl })
}
