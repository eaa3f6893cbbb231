//! `auth/token/lookup`, `lookup-self`, `lookup-accessor`.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use holdfast_core::token::{TokenKey, TokenRecord};
use sdk::{Answer, Ctx, Failure, Input, Path, Read, Result, Value, Verb, View, json};

use super::{own, token_key};

#[derive(Input)]
struct Lookup {
    /// The token to look up; the caller's own if none is given.
    token: String,
}

#[derive(Input)]
struct LookupSelf {
    /// Ignored: the calling token is looked up.
    #[field(deprecated)]
    token: Option<String>,
}

#[derive(Input)]
struct LookupAccessor {
    /// The accessor of the token to look up.
    accessor: String,
}

pub fn paths(node: &Arc<Node>) -> Vec<Path> {
    let with = |run: fn(&Node, &Ctx, Lookup, &View) -> Result<Answer>| {
        let node = Arc::clone(node);
        move |ctx: &Ctx, input: Lookup, view: &View| run(&node, ctx, input, view)
    };
    let of_self = |node: &Arc<Node>| {
        let node = Arc::clone(node);
        move |ctx: &Ctx, input: LookupSelf, view: &View| {
            let _ = input.token;
            show_own(&node, ctx, view)
        }
    };
    let by_accessor = Arc::clone(node);
    vec![
        Path::new("lookup")
            .help("Looks a token up.", "Shows what a token may do and how long it lives.")
            .view(Verb::Read, with(lookup))
            .view(Verb::Write, with(lookup)),
        Path::new("lookup-self")
            .help("Looks the calling token up.", "Shows the properties of the token that the request was made with.")
            .view(Verb::Read, of_self(node))
            .view(Verb::Write, of_self(node)),
        Path::new("lookup-accessor")
            .help("Looks a token up by its accessor.", "Shows the same as lookup, without the token's id.")
            .view(Verb::Write, move |ctx: &Ctx, input: LookupAccessor, view: &View| {
                let key = node_accessor(&by_accessor, view, &input.accessor)?;
                show(&by_accessor, ctx, view, &key, "", None).map_err(|failure| match failure {
                    Failure::Denied(_) => invalid_accessor(),
                    other => other,
                })
            }),
    ]
}

pub(super) fn node_accessor(node: &Node, read: &impl Read, accessor: &str) -> Result<TokenKey> {
    if accessor.is_empty() {
        return Err(Failure::invalid("1 error occurred:\n\t* missing accessor\n\n"));
    }
    let found = node.tokens.by_accessor(read, accessor)?;
    found.ok_or_else(invalid_accessor)
}

fn invalid_accessor() -> Failure {
    Failure::invalid("1 error occurred:\n\t* invalid accessor\n\n")
}

fn lookup(node: &Node, ctx: &Ctx, input: Lookup, view: &View) -> Result<Answer> {
    if input.token.is_empty() {
        return show_own(node, ctx, view);
    }
    show(node, ctx, view, &token_key(node, &input.token)?, &input.token, None)
}

fn show_own(node: &Node, ctx: &Ctx, view: &View) -> Result<Answer> {
    let caller = ctx.caller.ok_or_else(|| Failure::denied("permission denied"))?;
    show(node, ctx, view, &own(ctx)?, &caller.client_token, caller.uses_left)
}

fn show(node: &Node, ctx: &Ctx, view: &View, key: &TokenKey, id: &str, uses_left: Option<i64>) -> Result<Answer> {
    let bad = || Failure::denied("bad token");
    let valid = node.tokens.valid(view, key.clone(), ctx.now).map_err(|why| match why {
        holdfast_core::token::Why::Access(access) => access.into(),
        _ => bad(),
    })?;
    let record: &TokenRecord = &valid.record;
    let mut data = json!({
        "accessor": record.accessor,
        "creation_time": record.created.seconds(),
        "creation_ttl": record.creation_ttl,
        "display_name": record.display_name,
        "entity_id": record.entity_id,
        "expire_time": record.expires.map(sdk::timestamp),
        "explicit_max_ttl": record.explicit_max_ttl,
        "id": id,
        "meta": record.meta,
        "num_uses": uses_left.or(valid.uses_left).unwrap_or(0),
        "orphan": record.orphan(),
        "path": record.path,
        "policies": record.policies,
        "ttl": record.ttl(ctx.now),
        "type": "service",
    });
    if !record.initial_root {
        data["renewable"] = Value::Bool(record.renewable);
        data["issue_time"] = json!(sdk::timestamp(record.created));
    }
    if record.period > 0 {
        data["period"] = json!(record.period);
    }
    if let Some(at) = record.last_renewal {
        data["last_renewal"] = json!(sdk::timestamp(at));
        data["last_renewal_time"] = json!(at.seconds());
    }
    Ok(Answer::json(data))
}
