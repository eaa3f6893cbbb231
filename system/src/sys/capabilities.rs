//! `sys/capabilities`, `sys/capabilities-self`, `sys/capabilities-accessor`: what a token may do at some paths.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use holdfast_core::token::{ClientToken, TokenRecord, Valid, Why};
use sdk::{CommaList, Ctx, Failure, Input, Path, Reply, Result, Verb, View};

#[derive(Input)]
struct OfSelf {
    /// The paths that are asked about.
    paths: CommaList,
    /// The older name of `paths`.
    #[field(deprecated)]
    path: CommaList,
}

#[derive(Input)]
struct OfToken {
    /// The token that is asked about.
    token: String,
    /// The paths that are asked about.
    paths: CommaList,
    /// The older name of `paths`.
    #[field(deprecated)]
    path: CommaList,
}

#[derive(Input)]
struct OfAccessor {
    /// The accessor of the token that is asked about.
    accessor: String,
    /// The paths that are asked about.
    paths: CommaList,
    /// The older name of `paths`.
    #[field(deprecated)]
    path: CommaList,
}

pub fn paths(node: &Arc<Node>) -> Vec<Path> {
    let (any, own, accessor) = (Arc::clone(node), Arc::clone(node), Arc::clone(node));
    vec![
        Path::new("capabilities")
            .ids([(Verb::Write, "query-token-capabilities")])
            .help("Tells what a token may do.", "The capabilities that a token's policies grant it at some paths.")
            .view(Verb::Write, move |ctx: &Ctx, input: OfToken, view: &View| {
                let paths = asked(input.paths, input.path)?;
                if input.token.is_empty() {
                    return Err(Failure::invalid("missing token: say which token is asked about"));
                }
                let valid = any.tokens.authenticate(view, &ClientToken::new(input.token), ctx.now);
                answer(&any, ctx, view, &*counting(valid, "token")?, &paths)
            }),
        Path::new("capabilities-self")
            .ids([(Verb::Write, "query-token-self-capabilities")])
            .help("Tells what the caller may do.", "The capabilities that the calling token has at some paths.")
            .view(Verb::Write, move |ctx: &Ctx, input: OfSelf, view: &View| {
                let paths = asked(input.paths, input.path)?;
                let caller = ctx.caller.ok_or_else(|| Failure::denied("permission denied"))?;
                answer_of(&own, ctx, view, (&caller.policies, &caller.entity_id), &paths)
            }),
        Path::new("capabilities-accessor")
            .ids([(Verb::Write, "query-token-accessor-capabilities")])
            .help("Tells what the token of an accessor may do.", "The same as capabilities, without the token's id.")
            .view(Verb::Write, move |ctx: &Ctx, input: OfAccessor, view: &View| {
                let paths = asked(input.paths, input.path)?;
                if input.accessor.is_empty() {
                    return Err(Failure::invalid("missing accessor: say which token is asked about"));
                }
                let key = accessor.tokens.by_accessor(view, &input.accessor)?.ok_or_else(|| invalid("accessor"))?;
                let valid = accessor.tokens.valid(view, key, ctx.now);
                answer(&accessor, ctx, view, &*counting(valid, "accessor")?, &paths)
            }),
    ]
}

fn invalid(what: &str) -> Failure {
    Failure::Invalid(format!("1 error occurred:\n\t* invalid {what}\n\n"))
}

fn asked(paths: CommaList, older: CommaList) -> Result<Vec<String>> {
    let paths = if paths.0.is_empty() { older.0 } else { paths.0 };
    if paths.is_empty() {
        return Err(Failure::invalid("paths must be supplied: a list of paths, as [\"kv/data/app\"]"));
    }
    Ok(paths)
}

/// Of a token that counts.
fn counting(valid: Result<Valid, Why>, what: &str) -> Result<Arc<TokenRecord>> {
    match valid {
        Ok(valid) => Ok(valid.record),
        Err(Why::Access(access)) => Err(access.into()),
        Err(_) => Err(invalid(what)),
    }
}

/// By path; of a single one also as `capabilities`.
type Capabilities = BTreeMap<String, Vec<&'static str>>;

fn answer(node: &Node, ctx: &Ctx, view: &View, token: &TokenRecord, paths: &[String]) -> Result<Reply<Capabilities>> {
    if node.policies.rights(view, &token.entity_id)?.unfit().is_some() {
        return Err(Failure::denied("permission denied"));
    }
    answer_of(node, ctx, view, (&token.policies, &token.entity_id), paths)
}

fn answer_of(
    node: &Node,
    ctx: &Ctx,
    view: &View,
    (policies, entity_id): (&[String], &str),
    paths: &[String],
) -> Result<Reply<Capabilities>> {
    let acl = node.policies.rules_of(view, policies, entity_id, ctx.now)?.acl;
    let mut data: Capabilities = paths.iter().map(|path| (path.clone(), acl.capabilities(path))).collect();
    if let [only] = paths {
        data.insert("capabilities".into(), acl.capabilities(only));
    }
    Reply::mirrored(data)
}
