//! `auth/token/renew`, `renew-self`, `renew-accessor`.

use std::sync::Arc;

use holdfast_core::catalog::Catalog;
use holdfast_core::identity;
use holdfast_core::lifecycle::Node;
use holdfast_core::mount::TtlLimits;
use holdfast_core::space;
use holdfast_core::token::{LoginTerms, Renewed, Terms, TokenKey, TokenRecord, auth_block};
use sdk::{Answer, AuthBlock, Ctx, Failure, Input, Outcome, Path, PluginKind, Result, Seconds, Txn, Verb};

use super::lookup::node_accessor;
use super::role::Role;
use super::{own, token_key};

#[derive(Input)]
struct Renew {
    /// The token to renew.
    token: String,
    /// By how long; by what it was given the last time if not said.
    increment: Seconds,
}

#[derive(Input)]
struct RenewSelf {
    /// Ignored: the calling token is renewed.
    #[field(deprecated)]
    token: Option<String>,
    /// By how long; by what it was given the last time if not said.
    increment: Seconds,
}

#[derive(Input)]
struct RenewAccessor {
    /// The accessor of the token to renew.
    accessor: String,
    /// By how long; by what it was given the last time if not said.
    increment: Seconds,
}

pub fn paths(node: &Arc<Node>, plugins: &Arc<Catalog>) -> Vec<Path> {
    let any = Renewer { node: Arc::clone(node), plugins: Arc::clone(plugins) };
    let (own_token, accessor) = (any.clone(), any.clone());
    vec![
        Path::new("renew")
            .ids([(Verb::Write, "token-renew")])
            .answers(Verb::Write, Outcome::auth())
            .help("Renews a token.", "Prolongs a token, within the limits it was made with.")
            .txn(Verb::Write, move |ctx: &Ctx, input: Renew, txn: &mut Txn| {
                if input.token.is_empty() {
                    return Err(Failure::invalid("missing token ID"));
                }
                let key = token_key(&any.node, ctx, &txn.as_view(), &input.token, "renewed")?.ok_or_else(unknown)?;
                renew(&any, ctx, txn, &key, &input.token, input.increment)
            }),
        Path::new("renew-self")
            .ids([(Verb::Write, "token-renew-self")])
            .answers(Verb::Write, Outcome::auth())
            .help("Renews the calling token.", "Prolongs the token of the request.")
            .txn(Verb::Write, move |ctx: &Ctx, input: RenewSelf, txn: &mut Txn| {
                let _ = input.token;
                let id = ctx.caller.map_or("", |c| c.client_token.as_str());
                if ctx.caller.is_some_and(|c| c.batch) {
                    return Err(Failure::invalid("batch tokens cannot be renewed"));
                }
                renew(&own_token, ctx, txn, &own(ctx)?, id, input.increment)
            }),
        Path::new("renew-accessor")
            .ids([(Verb::Write, "token-renew-accessor")])
            .answers(Verb::Write, Outcome::auth())
            .help("Renews a token by its accessor.", "Prolongs the token of an accessor.")
            .txn(Verb::Write, move |ctx: &Ctx, input: RenewAccessor, txn: &mut Txn| {
                let key = node_accessor(&accessor.node, ctx, &txn.as_view(), &input.accessor)?;
                renew(&accessor, ctx, txn, &key, "", input.increment)
            }),
    ]
}

fn renew(at: &Renewer, ctx: &Ctx, txn: &mut Txn, key: &TokenKey, id: &str, by: Seconds) -> Result<Answer> {
    let record = at.node.tokens.renewable(txn, ctx.now, key)?.ok_or_else(unknown)?;
    let terms = at.terms(ctx, &mut txn.elsewhere(space::records(&record.home.id)), &record)?;
    let limits = TtlLimits { default: ctx.mount.default_lease_ttl, max: ctx.mount.max_lease_ttl };
    match at.node.tokens.renew(txn, ctx.now, key, by.0, limits, terms)? {
        Renewed::Done { record, warnings } => {
            let given = identity::policies_of(&txn.elsewhere(space::records(&record.home.id)), &record.entity_id)?;
            let auth = AuthBlock { renewed: true, ..auth_block(id.to_owned(), &record, given, ctx.now) };
            let mut answer = Answer::auth(auth);
            answer.warnings = warnings;
            Ok(answer)
        }
        Renewed::PastItsEnd => Err(Failure::invalid("past the max TTL, cannot renew")),
        Renewed::NotRenewable => Err(Failure::invalid("lease is not renewable")),
        Renewed::PoliciesChanged => Err(Failure::invalid("failed to renew entry: policies have changed, not renewing")),
        Renewed::Unknown => Err(unknown()),
    }
}

fn unknown() -> Failure {
    Failure::invalid("token not found")
}

/// Renews tokens, and asks the plugin that gave one what it may be renewed by.
#[derive(Clone)]
struct Renewer {
    node: Arc<Node>,
    plugins: Arc<Catalog>,
}

impl Renewer {
    fn terms(&self, ctx: &Ctx, txn: &mut Txn, record: &TokenRecord) -> Result<Terms> {
        let Some(origin) = &record.origin else { return of_role(txn, record) };
        let gone = || Failure::invalid("failed to renew entry: the mount that gave this token is gone");
        let mount = self.node.mounts.by_accessor(txn, &origin.mount)?.ok_or_else(gone)?;
        let plugin = self.plugins.find(PluginKind::Auth, &mount.type_name).ok_or_else(gone)?;
        let info = self.node.mounts.info(&mount);
        let there = txn.elsewhere(space::mount(&record.home.id, &mount.uuid));
        let ctx = Ctx { namespace: &record.home, mount: &info, path: "", ..*ctx };
        let mut settings = plugin.renew(&ctx, &origin.internal, &there)?.token;
        if !settings.no_default_policy && !settings.policies.iter().any(|name| name == "default") {
            settings.policies.push("default".into());
        }
        Ok(Terms::Login(LoginTerms {
            policies: settings.policies,
            ttl: settings.ttl,
            max_ttl: settings.max_ttl,
            period: settings.period,
            limits: TtlLimits { default: info.default_lease_ttl, max: info.max_lease_ttl },
        }))
    }
}

/// A role is asked anew: what it says less of, its tokens have less of.
fn of_role(txn: &Txn, record: &TokenRecord) -> Result<Terms> {
    let Some(name) = &record.role else { return Ok(Terms::Own) };
    let role = Role::get(txn, name)?.ok_or_else(|| {
        Failure::invalid(format!(
            "failed to renew entry: original token role {name:?} could not be found, not renewing"
        ))
    })?;
    Ok(Terms::Role(role.terms()))
}
