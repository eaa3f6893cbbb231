//! `oidc/introspect`: whether an identity token counts.

use std::sync::Arc;

use holdfast_core::identity;
use oidc::KeySet;
use schemars::JsonSchema;
use sdk::{Bare, Ctx, Input, Map, Path, Result, Value, Verb, View};
use serde::Serialize;

use super::{Oidc, issuer};

#[derive(Input)]
struct Introspect {
    /// The token to look at.
    token: String,
    /// Whom it must be for.
    client_id: String,
}

#[derive(Serialize, JsonSchema)]
struct Looked {
    active: bool,
    /// Why it does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub fn path(oidc: &Arc<Oidc>) -> Path {
    let oidc = Arc::clone(oidc);
    Path::new("oidc/introspect/?")
        .ids([(Verb::Write, "oidc-introspect")])
        .help(
            "Looks at an identity token.",
            "Whether it is signed here, in time, and of an entity that is there and enabled.",
        )
        .view(Verb::Write, move |ctx: &Ctx, input: Introspect, view: &View| {
            let error = why_not(&oidc, ctx, &input, view)?;
            Bare::new(Looked { active: error.is_none(), error })
        })
}

fn why_not(oidc: &Oidc, ctx: &Ctx, input: &Introspect, view: &View) -> Result<Option<String>> {
    let parsed = match oidc::parse(&input.token) {
        Ok(parsed) => parsed,
        Err(why) => return Ok(Some(format!("error parsing token: {why}"))),
    };
    let set = KeySet::of_all(view, ctx.now)?;
    let signed = match set.find(&parsed.kid) {
        Some(public) => {
            let key = public.key()?;
            parsed.verified(&key, public.algorithm).cloned()
        }
        None => None,
    };
    let Some(claims) = signed else { return Ok(Some("unable to validate the token signature".into())) };
    let invalid = |why: &str| Ok(Some(format!("error validating claims: {why}")));
    if text(&claims, "iss") != issuer::of_roles(&oidc.node, ctx, view)? {
        return invalid("invalid issuer claim (iss)");
    }
    if !input.client_id.is_empty() && text(&claims, "aud") != input.client_id {
        return invalid("invalid audience claim (aud)");
    }
    if claims.get("exp").and_then(Value::as_u64).is_none_or(|end| end <= ctx.now.0 / 1000) {
        return invalid("token is expired (exp)");
    }
    Ok(match identity::present(view, text(&claims, "sub"))? {
        None => Some("entity was not found".into()),
        Some(entity) if entity.disabled => Some("entity is disabled".into()),
        Some(_) => None,
    })
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> &'a str {
    claims.get(name).and_then(Value::as_str).unwrap_or_default()
}
