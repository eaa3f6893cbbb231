//! May they: policies decide, and only this stage can make the [`Permit`] that dispatch asks for.

use std::sync::Arc;

use policy::{Acl, Decision, Explanation, ListFilter, Operation, Question};
use sdk::{Caller, Ctx, Failure, Map, Right, Value, Verb};
use storage::View;

use super::authenticate::{Asker, Nobody};
use super::{Located, RelyOn, Run};
use crate::audit::{Decided, Who};
use crate::lifecycle::Node;
use crate::policies::Policies;
use crate::request::canonical;
use crate::space;
use crate::token::TokenKey;

/// That a request was let through.
pub struct Permit {
    caller: Option<Caller>,
    who: Option<Who>,
    operation: Operation,
    spends: Option<TokenKey>,
    page_limit: Option<u64>,
    filter: Option<KeyFilter>,
    /// A field that was for authorization alone.
    spent_field: Option<&'static str>,
}

/// Which keys of a listing may be shown.
pub(super) struct KeyFilter {
    pub filter: Arc<ListFilter>,
    pub acl: Arc<Acl>,
    /// Of the listing, as the policies see it.
    pub path: String,
    /// The path of the namespace that they belong to.
    pub home: String,
}

impl Permit {
    /// Of who needs no token, or has one for the operation itself.
    pub(super) fn of_nobody(operation: Operation) -> Self {
        Self { caller: None, who: None, operation, spends: None, page_limit: None, filter: None, spent_field: None }
    }

    /// On a secondary: of who has a token for the operation, in that field. Of one that the shares made there is no record.
    pub(super) fn of_operator(who: Option<Who>, operation: Operation, field: &'static str) -> Self {
        Self { who, spent_field: Some(field), ..Self::of_nobody(operation) }
    }

    pub fn caller(&self) -> Option<&Caller> {
        self.caller.as_ref()
    }

    /// What audit calls the operation.
    pub fn operation_name(&self) -> &'static str {
        name(self.operation)
    }

    /// Whether it is the write of something that is not there yet.
    pub(super) fn creates(&self) -> bool {
        self.operation == Operation::Create
    }

    /// The token whose uses this request counts against.
    pub fn spends(&self) -> Option<&TokenKey> {
        self.spends.as_ref()
    }

    /// The request's fields as far as the rule allows them.
    pub(super) fn limited(&self, mut body: Map<String, Value>) -> Map<String, Value> {
        if let Some(limit) = self.page_limit {
            body.insert("limit".into(), limit.into());
        }
        if let Some(field) = self.spent_field {
            body.remove(field);
        }
        body
    }

    pub(super) fn filter(&self) -> Option<&KeyFilter> {
        self.filter.as_ref()
    }

    pub(super) fn who(&self) -> Option<&Who> {
        self.who.as_ref()
    }
}

/// That it was not.
pub struct Refused {
    pub failure: Failure,
    pub who: Option<Who>,
    pub spends: Option<TokenKey>,
    /// What the policies said, if they were asked.
    pub decided: Option<Explanation>,
    /// For whoever may know.
    pub why: String,
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self { failure, who: None, spends: None, decided: None, why: String::new() }
    }
}

/// What audit calls what a refused request has asked for.
pub(super) fn asked(run: &Run<'_>) -> &'static str {
    name(if run.request.help { Operation::Help } else { plain_operation(run.request.verb) })
}

fn name(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "create",
        Operation::Update => "update",
        Operation::Patch => "patch",
        Operation::Delete => "delete",
        Operation::List => "list",
        Operation::Scan => "scan",
        Operation::Help => "help",
        _ => "read",
    }
}

pub(super) fn who(asker: &Asker, decided: Option<Decided>) -> Who {
    let (token, rights) = (Arc::clone(&asker.record), Arc::clone(&asker.rights));
    Who { token, rights, uses_left: asker.uses_left, decided }
}

/// Who is let through, and as whom. What tells its refusals by itself is asked by nobody instead.
pub(super) fn authorize(
    node: &Node,
    view: &View,
    run: &Run<'_>,
    token: Result<Asker, Nobody>,
    located: Option<&Located>,
    rely_on: &mut RelyOn,
) -> Result<Permit, Refused> {
    let matched = located.and_then(|located| located.matched.as_ref());
    let bearer = matched.is_some_and(|matched| matched.path.bearer) && !run.request.help;
    match judge(node, view, run, token, located, rely_on) {
        Err(Refused { failure: Failure::Denied(_), who, spends, .. }) if bearer => {
            Ok(Permit { who, spends, ..Permit::of_nobody(plain_operation(run.request.verb)) })
        }
        judged => judged,
    }
}

fn judge(
    node: &Node,
    view: &View,
    run: &Run<'_>,
    token: Result<Asker, Nobody>,
    located: Option<&Located>,
    rely_on: &mut RelyOn,
) -> Result<Permit, Refused> {
    let declared = located.and_then(|located| located.matched.as_ref()).map(|matched| matched.path.as_ref());
    let opened = |door: &str| run.request.doors.iter().any(|open| open == door);
    if declared.is_some_and(|path| path.open || path.door.is_some_and(opened)) && !run.request.help {
        let operation = plain_operation(run.request.verb);
        // One that was made for a single purpose is nobody elsewhere.
        let of_purpose = token.as_ref().is_ok_and(|token| token.record.purpose.is_some());
        let token =
            if of_purpose { Err(Nobody::from("the token was made for another purpose".to_owned())) } else { token };
        if declared.is_some_and(|path| path.no_dead_tokens) && token.is_err() && run.request.token.is_some() {
            return Err(Refused::from(Failure::denied("permission denied")));
        }
        return Ok(Permit {
            who: token.as_ref().ok().map(|token| who(token, None)),
            caller: token.ok().map(|token| caller_of(run, &token)),
            operation,
            spends: None,
            page_limit: None,
            filter: None,
            spent_field: None,
        });
    }
    let token = match token {
        Ok(token) => token,
        Err(Nobody { why, failure }) => {
            let dead = declared.and_then(|path| path.dead_token).filter(|_| run.request.token.is_some());
            let dead = dead.map_or_else(|| Failure::denied("permission denied"), Failure::invalid);
            let failure = failure.unwrap_or(dead);
            return Err(Refused { why, ..Refused::from(failure) });
        }
    };
    let caller = caller_of(run, &token);
    let spends = token.uses_left.map(|_| token.key.clone());
    let refused = Decided { allowed: false, granted_by: Vec::new() };
    let refused = who(&token, Some(refused));
    let refuse = |failure| Refused { who: Some(refused.clone()), spends: spends.clone(), ..Refused::from(failure) };

    let operation = operation(view, run, located, &caller, rely_on).map_err(&refuse)?;
    let path = acl_path(run, operation);
    let elsewhere = caller.home != run.namespace.id;
    let seen = if elsewhere && is_of_itself(&path) { Some(path) } else { caller.sees(&path) };
    let Some(path) = seen else {
        let why = "the token belongs to another namespace, whose policies say nothing of this one";
        let failure = Failure::denied("1 error occurred:\n\t* permission denied\n\n");
        return Err(Refused { why: why.into(), ..refuse(failure) });
    };
    let rules = match &token.record.purpose {
        Some(purpose) => Policies::rules_in(&purpose.policy, run.now),
        None => node.policies.rules(view, &caller.home, &token.record.policies, &token.rights, run.now),
    };
    let rules = rules.map_err(|e| refuse(e.into()))?;
    rely_on.extend(rules.relied_on);
    let question =
        Question { operation, path: &path, parameters: Some(&run.request.body), wrap_ttl: run.request.wrap_ttl };
    let decision = rules.acl.decide(&question);
    let needs_sudo = declared.is_some_and(|path| path.sudo);
    let deny = |decided: Explanation| {
        tracing::debug!(request = %run.request.id, reason = decided.text, "denied by policy");
        let why = decided.text.clone();
        let refused = refuse(Failure::denied("1 error occurred:\n\t* permission denied\n\n"));
        Refused { decided: Some(decided), why, ..refused }
    };
    if let Some(decided) = refusal(&decision, needs_sudo) {
        return Err(deny(decided));
    }
    if run.request.head {
        return Err(refuse(Failure::Unsupported));
    }
    if matches!(operation, Operation::Create | Operation::Update | Operation::Patch) && path.ends_with('/') {
        return Err(refuse(Failure::invalid("cannot write to a path ending in '/'")));
    }
    if let Some(decided) = touches_denied(&rules.acl, &caller, run, located).map_err(&refuse)? {
        return Err(deny(decided));
    }
    let page_limit = decision.page_limit;
    let filter = decision.list_filter().map(|filter| KeyFilter {
        filter: Arc::clone(filter),
        acl: Arc::clone(&rules.acl),
        path: path.clone(),
        home: token.record.home.path.clone(),
    });
    let granted_by = match decision.is_root() {
        true => vec!["root".to_owned()],
        false => decision.granted_by().map(|granted| granted.policy.to_string()).collect(),
    };
    let who = who(&token, Some(Decided { allowed: true, granted_by }));
    Ok(Permit { caller: Some(caller), who: Some(who), operation, spends, page_limit, filter, spent_field: None })
}

/// Why a request is not let through. What a rule demands and this server cannot do yet is refused, never left out.
pub fn refusal(decision: &Decision<'_>, needs_sudo: bool) -> Option<Explanation> {
    if !decision.allowed {
        return Some(decision.explain());
    }
    if needs_sudo && !decision.sudo {
        return Some(decision.explain().refused("sudo", "the path also needs the capability sudo"));
    }
    if decision.control_groups().next().is_some() {
        return Some(
            decision.explain().refused("control_group", "the rule asks for a control group, which this server has not"),
        );
    }
    if !decision.mfa_methods().is_empty() {
        let text =
            "the rule asks for MFA with the request itself, which this server does not do: it asks for it at logins";
        return Some(decision.explain().refused("mfa", text));
    }
    None
}

/// What the operation touches besides its path is asked for as if it were done by requests without a body. Answers why
/// that is not allowed.
fn touches_denied(
    acl: &Acl,
    caller: &Caller,
    run: &Run<'_>,
    located: Option<&Located>,
) -> Result<Option<Explanation>, Failure> {
    let Some(located) = located.filter(|_| run.request.verb == Verb::Write && !run.request.help) else {
        return Ok(None);
    };
    let Some(matched) = located.matched.as_ref().filter(|matched| matched.path.touches_more()) else { return Ok(None) };
    let Some(touches) = matched.touches(&matched.params(run.request.body.clone()))? else { return Ok(None) };
    let here = located.info.path.as_str();
    let there = touches.other.as_deref().unwrap_or(here);
    let nothing = Map::new();
    let all = touches.here.iter().map(|touched| (here, touched));
    for (mount, (right, path)) in all.chain(touches.there.iter().map(|touched| (there, touched))) {
        let path = format!("{mount}{path}");
        let seen = caller.sees(&path).ok_or_else(|| Failure::denied("permission denied"))?;
        // What it makes there has to be found again by requests.
        if canonical(path.as_bytes()).ok().as_ref() != Some(&path) {
            let shown: String = path.chars().take(200).collect();
            return Err(Failure::invalid(format!("no request can have the path {shown:?}")));
        }
        let operation = match right {
            Right::Create => Operation::Create,
            Right::Read => Operation::Read,
            Right::Update => Operation::Update,
            Right::Delete => Operation::Delete,
        };
        let question = Question { operation, path: &seen, parameters: Some(&nothing), wrap_ttl: run.request.wrap_ttl };
        if let Some(decided) = refusal(&acl.decide(&question), false) {
            return Ok(Some(decided));
        }
    }
    Ok(None)
}

fn acl_path(run: &Run<'_>, operation: Operation) -> String {
    let mut path = run.path.to_owned();
    if matches!(operation, Operation::List | Operation::Scan) && !path.ends_with('/') {
        path.push('/');
    }
    path
}

/// What a token may be asked about itself wherever that is sent, if its policies allow it at home.
fn is_of_itself(path: &str) -> bool {
    matches!(path, "auth/token/lookup-self" | "auth/token/revoke-self" | "sys/wrapping/unwrap")
}

fn caller_of(run: &Run<'_>, token: &Asker) -> Caller {
    let record = &token.record;
    Caller {
        client_token: run.request.token.as_ref().map_or(String::new(), |t| t.expose().to_owned()),
        accessor: record.accessor.clone(),
        display_name: record.display_name.clone(),
        policies: record.policies.clone(),
        // It may have become part of another one since.
        entity_id: token.rights.entity.as_ref().map_or_else(String::new, |entity| entity.id.clone()),
        cubbyhole: token.key.as_str().to_owned(),
        batch: record.kind == crate::token::TokenKind::Batch,
        uses_left: token.uses_left.map(|n| n - 1),
        root: record.is_root(),
        logged_in: record.logged_in,
        purpose: record.purpose.as_ref().map(|purpose| purpose.internal.clone()),
        home: record.home.id.clone(),
        way: record.home.way_to(run.namespace).map(str::to_owned),
    }
}

pub(super) fn plain_operation(verb: Verb) -> Operation {
    match verb {
        Verb::Read => Operation::Read,
        Verb::Write => Operation::Update,
        Verb::Patch => Operation::Patch,
        Verb::Delete => Operation::Delete,
        Verb::List => Operation::List,
        Verb::Scan => Operation::Scan,
    }
}

/// A write is a create where the path can tell that nothing is there yet.
fn operation(
    view: &View,
    run: &Run<'_>,
    located: Option<&Located>,
    caller: &Caller,
    rely_on: &mut RelyOn,
) -> Result<Operation, Failure> {
    if run.request.help {
        return Ok(Operation::Help);
    }
    let plain = plain_operation(run.request.verb);
    let (Verb::Write, Some(located)) = (run.request.verb, located) else { return Ok(plain) };
    let there = view.elsewhere(space_of(located, Some(caller))).remembering();
    let exists = exists(&there, run, located, Some(caller));
    rely_on.append(&mut there.seen());
    match exists {
        Ok(Some(false)) => Ok(Operation::Create),
        // A field that does not parse is told to those who may write here.
        Ok(_) | Err(Failure::Invalid(_)) => Ok(plain),
        Err(failure) => Err(failure),
    }
}

/// Whether the request's path names something that exists, in the mount's folder as `there` has it.
pub(crate) fn exists(
    there: &View,
    run: &Run<'_>,
    located: &Located,
    caller: Option<&Caller>,
) -> Result<Option<bool>, Failure> {
    let Some(matched) = &located.matched else { return Ok(None) };
    matched.exists(&context(run, located, caller), &matched.params(run.request.body.clone()), there)
}

pub(super) fn context<'a>(run: &'a Run<'_>, located: &'a Located, caller: Option<&'a Caller>) -> Ctx<'a> {
    Ctx {
        namespace: &located.namespace,
        mount: &located.info,
        path: &located.path,
        other: located.other.as_ref(),
        caller,
        remote: run.request.remote.map(|r| r.ip()),
        now: run.now,
        wraps: run.request.wrap_ttl.is_some(),
        content_type: &run.request.content_type,
        authorization: &run.request.authorization,
    }
}

/// The folder that a mount's handlers see.
pub(super) fn space_of(located: &Located, caller: Option<&Caller>) -> storage::Path {
    let ns = &located.namespace.id;
    match (located.mount.is_builtin(), located.mount.type_name.as_str()) {
        (true, "cubbyhole") => {
            caller.map_or_else(|| space::cubbyhole(ns, "", ns), |caller| TokenKey::of_caller(caller).cubbyhole(ns))
        }
        (true, _) => space::records(ns),
        (false, _) => space::mount(ns, &located.mount.uuid),
    }
}
