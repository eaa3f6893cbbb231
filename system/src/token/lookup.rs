//! `auth/token/lookup`, `lookup-self`, `lookup-accessor`.

use std::sync::Arc;

use holdfast_core::identity;
use holdfast_core::lifecycle::Node;
use holdfast_core::space;
use holdfast_core::token::{ClientToken, TokenKey, TokenRecord, Valid, Why};
use std::collections::BTreeMap;

use schemars::JsonSchema;
use sdk::{Cidr, Ctx, Failure, Input, Path, Reply, Result, Verb, View};
use serde::Serialize;

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

/// Spans are in seconds.
#[derive(Serialize, JsonSchema)]
struct Shown {
    accessor: String,
    creation_time: u64,
    creation_ttl: u64,
    display_name: String,
    entity_id: String,
    /// There are none: groups are of their own namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    external_namespace_policies: Option<BTreeMap<String, Vec<String>>>,
    /// Of the token's entity and its groups, now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    identity_policies: Vec<String>,
    expire_time: Option<String>,
    explicit_max_ttl: u64,
    /// Empty where the accessor was given.
    id: String,
    meta: Option<BTreeMap<String, String>>,
    /// How many are left; 0 for no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace_path: Option<String>,
    num_uses: i64,
    orphan: bool,
    path: String,
    policies: Vec<String>,
    ttl: u64,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bound_cidrs: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    renewable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issue_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_renewal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_renewal_time: Option<u64>,
}

pub fn paths(node: &Arc<Node>) -> Vec<Path> {
    let with = |run: fn(&Node, &Ctx, Lookup, &View) -> Result<Reply<Shown>>| {
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
            .ids([(Verb::Read, "token-look-up-get"), (Verb::Write, "token-look-up-update")])
            .help("Looks a token up.", "Shows what a token may do and how long it lives.")
            .view(Verb::Read, with(lookup))
            .view(Verb::Write, with(lookup)),
        Path::new("lookup-self")
            .ids([(Verb::Read, "token-look-up-self-get"), (Verb::Write, "token-look-up-self-update")])
            .help("Looks the calling token up.", "Shows the properties of the token that the request was made with.")
            .view(Verb::Read, of_self(node))
            .view(Verb::Write, of_self(node)),
        Path::new("lookup-accessor")
            .ids([(Verb::Write, "token-look-up-by-accessor")])
            .help("Looks a token up by its accessor.", "Shows the same as lookup, without the token's id.")
            .view(Verb::Write, move |ctx: &Ctx, input: LookupAccessor, view: &View| {
                let key = node_accessor(&by_accessor, ctx, view, &input.accessor)?;
                show(ctx, view, by_accessor.tokens.valid(view, key, ctx.now), "", None).map_err(|failure| match failure
                {
                    Failure::Denied(_) => invalid_accessor(),
                    other => other,
                })
            }),
    ]
}

pub(super) fn node_accessor(node: &Node, ctx: &Ctx, view: &View, accessor: &str) -> Result<TokenKey> {
    if accessor.is_empty() {
        return Err(Failure::invalid("1 error occurred:\n\t* missing accessor\n\n"));
    }
    let found = node.tokens.by_accessor(view, &ctx.namespace.id, accessor)?;
    found.ok_or_else(invalid_accessor)
}

fn invalid_accessor() -> Failure {
    Failure::invalid("1 error occurred:\n\t* invalid accessor\n\n")
}

fn lookup(node: &Node, ctx: &Ctx, input: Lookup, view: &View) -> Result<Reply<Shown>> {
    if input.token.is_empty() {
        return show_own(node, ctx, view);
    }
    let token = ClientToken::new(input.token.clone());
    let valid = node.tokens.asked_about(view, &ctx.namespace.id, &token, ctx.now);
    show(ctx, view, valid, &input.token, None)
}

fn show_own(node: &Node, ctx: &Ctx, view: &View) -> Result<Reply<Shown>> {
    let caller = ctx.caller.ok_or_else(|| Failure::denied("permission denied"))?;
    let valid = node.tokens.authenticate(view, &ClientToken::new(caller.client_token.clone()), ctx.now);
    show(ctx, view, valid, &caller.client_token, caller.uses_left)
}

fn show(ctx: &Ctx, view: &View, valid: Result<Valid, Why>, id: &str, uses_left: Option<i64>) -> Result<Reply<Shown>> {
    let valid = valid.map_err(|why| match why {
        Why::Access(access) => access.into(),
        _ => Failure::denied("bad token"),
    })?;
    let record: &TokenRecord = &valid.record;
    let later = !record.initial_root;
    let identity_policies = identity::policies_of(&view.elsewhere(space::records(&record.home.id)), &record.entity_id)?;
    Reply::data(Shown {
        accessor: record.accessor.clone(),
        creation_time: record.created.seconds(),
        creation_ttl: record.creation_ttl,
        display_name: record.display_name.clone(),
        entity_id: record.entity_id.clone(),
        external_namespace_policies: (!identity_policies.is_empty()).then(BTreeMap::new),
        identity_policies,
        expire_time: record.expires.map(sdk::timestamp),
        explicit_max_ttl: record.explicit_max_ttl,
        id: id.to_owned(),
        meta: record.meta.clone(),
        namespace_path: Some(record.home.path.clone()).filter(|path| !path.is_empty()),
        num_uses: uses_left.or(valid.uses_left).unwrap_or(0),
        orphan: record.orphan(),
        path: record.path.clone(),
        policies: record.policies.clone(),
        ttl: record.ttl(ctx.now),
        kind: record.kind.name(),
        bound_cidrs: record.bound_cidrs.iter().map(Cidr::to_string).collect(),
        renewable: later.then_some(record.renewable),
        issue_time: later.then(|| sdk::timestamp(record.created)),
        role: record.role.clone(),
        period: Some(record.period).filter(|period| *period > 0),
        last_renewal: record.last_renewal.map(sdk::timestamp),
        last_renewal_time: record.last_renewal.map(|at| at.seconds()),
    })
}
