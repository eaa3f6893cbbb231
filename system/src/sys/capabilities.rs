//! `sys/capabilities`, `sys/capabilities-self`, `sys/capabilities-accessor`: what a token may do at some paths.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use holdfast_core::token::{ClientToken, TokenRecord, Valid, Why};
use sdk::{CommaList, Ctx, Failure, Input, NamespaceId, Path, Reply, Result, Verb, View};

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
                let valid = any.tokens.asked_about(view, &ctx.namespace.id, &ClientToken::new(input.token), ctx.now);
                let record = counting(&any, view, valid, "token")?;
                answer(&any, ctx, view, Asked::about(ctx, &record), &paths)
            }),
        Path::new("capabilities-self")
            .ids([(Verb::Write, "query-token-self-capabilities")])
            .help("Tells what the caller may do.", "The capabilities that the calling token has at some paths.")
            .view(Verb::Write, move |ctx: &Ctx, input: OfSelf, view: &View| {
                let paths = asked(input.paths, input.path)?;
                let caller = ctx.caller.ok_or_else(|| Failure::denied("permission denied"))?;
                let (home, way) = (&caller.home, caller.way.as_deref());
                let asked = Asked { home, way, policies: &caller.policies, entity_id: &caller.entity_id };
                answer(&own, ctx, view, asked, &paths)
            }),
        Path::new("capabilities-accessor")
            .ids([(Verb::Write, "query-token-accessor-capabilities")])
            .help("Tells what the token of an accessor may do.", "The same as capabilities, without the token's id.")
            .view(Verb::Write, move |ctx: &Ctx, input: OfAccessor, view: &View| {
                let paths = asked(input.paths, input.path)?;
                if input.accessor.is_empty() {
                    return Err(Failure::invalid("missing accessor: say which token is asked about"));
                }
                let key = accessor.tokens.by_accessor(view, &ctx.namespace.id, &input.accessor)?;
                let valid = accessor.tokens.valid(view, key.ok_or_else(|| invalid("accessor"))?, ctx.now);
                let record = counting(&accessor, view, valid, "accessor")?;
                answer(&accessor, ctx, view, Asked::about(ctx, &record), &paths)
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

/// Whose rights are asked about.
struct Asked<'a> {
    home: &'a NamespaceId,
    /// From there to the namespace whose paths are asked about.
    way: Option<&'a str>,
    policies: &'a [String],
    entity_id: &'a str,
}

impl<'a> Asked<'a> {
    fn about(ctx: &Ctx<'a>, record: &'a TokenRecord) -> Self {
        let (home, way) = (&record.home.id, record.home.way_to(ctx.namespace));
        Self { home, way, policies: &record.policies, entity_id: &record.entity_id }
    }
}

/// Of a token that counts.
fn counting(node: &Node, view: &View, valid: Result<Valid, Why>, what: &str) -> Result<Arc<TokenRecord>> {
    let record = match valid {
        Ok(valid) => valid.record,
        Err(Why::Access(access)) => return Err(access.into()),
        Err(_) => return Err(invalid(what)),
    };
    match node.policies.rights(view, &record.home.id, &record.entity_id)?.unfit() {
        Some(_) => Err(Failure::denied("permission denied")),
        None => Ok(record),
    }
}

/// By path; of a single one also as `capabilities`.
type Capabilities = BTreeMap<String, Vec<&'static str>>;

fn answer(node: &Node, ctx: &Ctx, view: &View, asked: Asked<'_>, paths: &[String]) -> Result<Reply<Capabilities>> {
    let acl = node.policies.rules_of(view, asked.home, asked.policies, asked.entity_id, ctx.now)?.acl;
    let of = |path: &String| match asked.way {
        Some(way) => acl.capabilities(&format!("{way}{path}")),
        None => vec!["deny"],
    };
    let mut data: Capabilities = paths.iter().map(|path| (path.clone(), of(path))).collect();
    if let [only] = paths {
        data.insert("capabilities".into(), of(only));
    }
    Reply::mirrored(data)
}
