//! May they, where the cluster is the secondary of another one: no token counts there but one for the operation. It is either
//! the one that the primary's shares have made, or an orphan batch token of the primary whose policies allow the path.

use policy::Question;
use sdk::{Failure, OnSecondary};
use storage::View;
use zeroize::Zeroizing;

use super::authenticate::Asker;
use super::authorize::{Permit, Refused, plain_operation, refusal, who};
use super::{Located, RelyOn, Run};
use crate::audit::Decided;
use crate::dr::gate;
use crate::lifecycle::Node;
use crate::token::ClientToken;

/// `None`: the cluster is no secondary, and the request is authorized as ever.
pub(super) fn judge(
    node: &Node,
    view: &View,
    run: &Run<'_>,
    located: Option<&Located>,
    rely_on: &mut RelyOn,
) -> Option<Result<Permit, Refused>> {
    if !node.is_secondary() {
        let only = located.and_then(|located| located.matched.as_ref()).is_some_and(|m| m.path.secondary_only);
        return (only && !run.request.help).then(|| Err(Failure::invalid(NO_SECONDARY).into()));
    }
    Some(match gate::declared(located, run.request) {
        OnSecondary::Refused => Err(Failure::invalid(gate::DISABLED).into()),
        OnSecondary::Open => Ok(Permit::of_nobody(plain_operation(run.request.verb))),
        OnSecondary::ByOperationToken => {
            let needs_sudo =
                located.and_then(|located| located.matched.as_ref()).is_some_and(|matched| matched.path.sudo);
            by_token(node, view, run, needs_sudo, rely_on)
        }
    })
}

fn by_token(
    node: &Node,
    view: &View,
    run: &Run<'_>,
    needs_sudo: bool,
    rely_on: &mut RelyOn,
) -> Result<Permit, Refused> {
    let operation = plain_operation(run.request.verb);
    let in_body = run.request.body.get(FIELD).and_then(|value| value.as_str()).filter(|text| !text.is_empty());
    let given = in_body.map(|text| Zeroizing::new(text.trim().to_owned()));
    let given = given.or_else(|| run.request.token.as_ref().map(|token| Zeroizing::new(token.expose().to_owned())));
    let Some(given) = given else { return Err(Failure::invalid(MISSING).into()) };
    let token = ClientToken::new(given.to_string());
    if node.is_operation_token(view, &token).map_err(Failure::from)? {
        return Ok(Permit::of_operator(None, operation, FIELD));
    }
    let denied = |why: String, text: &str| Refused { why, ..Refused::from(Failure::denied(text)) };
    if !token.is_batch() {
        let service = ["s.", "hvs."].iter().any(|prefix| given.starts_with(prefix));
        let text = if service { SERVICE } else { UNKNOWN };
        return Err(denied("it is no operation token".to_owned(), text));
    }
    let valid = match node.tokens.authenticate(view, &token, run.now) {
        Ok(valid) if !sdk::within(&valid.record.bound_cidrs, run.request.remote.map(|r| r.ip())) => {
            return Err(denied("the token is bound to other addresses than the caller's".to_owned(), UNKNOWN));
        }
        Ok(valid) if valid.record.purpose.is_some() => {
            return Err(denied("the token was made for another purpose".to_owned(), UNKNOWN));
        }
        Ok(valid) => valid,
        Err(crate::token::Why::Access(access)) => return Err(Failure::from(access).into()),
        Err(why) => return Err(denied(why.to_string(), UNKNOWN)),
    };
    let rights = node.policies.rights(view, &valid.record.home.id, &valid.record.entity_id).map_err(Failure::from)?;
    if let Some(why) = rights.unfit() {
        return Err(denied(why.to_owned(), UNKNOWN));
    }
    let valid = Asker { token: valid, rights };
    rely_on.extend(valid.relied_on.iter().cloned());
    rely_on.extend(valid.rights.relied_on.iter().cloned());
    let refused = |why: String, failure: Failure| Refused {
        who: Some(who(&valid, Some(Decided { allowed: false, granted_by: Vec::new() }))),
        why,
        ..Refused::from(failure)
    };
    let Some(way) = valid.record.home.way_to(run.namespace) else {
        return Err(refused("the batch token belongs to another namespace".to_owned(), Failure::denied(UNKNOWN)));
    };
    let path = format!("{way}{}", run.path);
    if !valid.record.orphan() {
        return Err(refused("the batch token has a parent".to_owned(), Failure::denied(NO_ORPHAN)));
    }
    let rules = node.policies.rules(view, &valid.record.home.id, &valid.record.policies, &valid.rights, run.now);
    let rules = rules.map_err(|access| refused(String::new(), access.into()))?;
    rely_on.extend(rules.relied_on);
    // The token is no parameter of the operation.
    let mut parameters = run.request.body.clone();
    parameters.remove(FIELD);
    let question = Question { operation, path: &path, parameters: Some(&parameters), wrap_ttl: None };
    let decision = rules.acl.decide(&question);
    if let Some(explained) = refusal(&decision, needs_sudo) {
        let text = "the policies of this batch token do not allow the operation on this path";
        let refused = refused(explained.text.clone(), Failure::denied(text));
        return Err(Refused { decided: Some(explained), ..refused });
    }
    let granted_by = decision.granted_by().map(|granted| granted.policy.to_string()).collect();
    let who = who(&valid, Some(Decided { allowed: true, granted_by }));
    Ok(Permit::of_operator(Some(who), operation, FIELD))
}

const FIELD: &str = "dr_operation_token";
const NO_SECONDARY: &str = "this cluster is not a DR secondary: there is nothing to do here but on one";
const MISSING: &str = "dr_operation_token must be given: one that generate-operation-token has made, or a batch token of the \
                       primary for this path";
const SERVICE: &str = "a service token does not count on a DR secondary: give an operation token, or an orphan batch token of \
                       the primary whose policies allow this path";
const NO_ORPHAN: &str = "this batch token has a parent, whose end may not be known here: make it as an orphan";
const UNKNOWN: &str = "this is no DR operation token that counts";
