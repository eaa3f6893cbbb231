//! Whether what somebody brings satisfies what is asked of them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use sdk::{Failure, Namespace, Result};
use storage::{Access, Millis, Read, Txn};

use super::codes;
use super::enforcement::Enforcement;
use super::factor::{Factors, given, passcode};
use super::guesses;
use super::key::key;
use super::method::{Method, Settings, method};
use super::outside::{Answered, Asks, NotLetIn, Question, question};
use crate::identity::Entity;

/// Whose second factor is checked, and against what.
#[derive(Clone, Copy)]
pub struct Trial<'a> {
    pub now: Millis,
    pub namespace: &'a Namespace,
    pub entity: &'a Entity,
    pub factors: &'a Factors,
    /// Where it comes from.
    pub remote: Option<IpAddr>,
    pub asks: &'a dyn Asks,
    pub answered: &'a Answered,
}

/// What a second factor came to. Either way there is something to be committed: a code that is used up, an attempt that counts.
pub enum Verdict {
    Right,
    /// With a sentence for whoever has brought a password already.
    Wrong(String),
    /// It depends on somebody's answer to this. Nothing is to be committed yet.
    Asks(Box<Question>),
}

/// What one method came to.
enum Checked {
    Right,
    Wrong(String),
    Asks(Box<Question>),
}

/// Checks the factors of one login against all enforcements that bind it. A method that was passed counts for each of them.
pub fn satisfy(txn: &mut Txn, trial: Trial<'_>, demanded: &[Enforcement]) -> Result<Verdict> {
    let mut passed = BTreeSet::new();
    for enforcement in demanded {
        let mut problems = Vec::new();
        let mut satisfied = enforcement.method_ids.iter().any(|id| passed.contains(id));
        for id in &enforcement.method_ids {
            if satisfied {
                break;
            }
            let Some(method) = method(txn, id)? else { continue };
            let Some(given) = given(trial.factors, &method, &trial.namespace.path) else { continue };
            match check(txn, trial, &method, given)? {
                Checked::Right => {
                    passed.insert(id);
                    satisfied = true;
                }
                Checked::Wrong(problem) => problems.push(problem),
                Checked::Asks(question) => return Ok(Verdict::Asks(question)),
            }
        }
        if !satisfied {
            let ids = enforcement.method_ids.join(" ");
            problems.push(format!("login MFA validation failed for methodID: [{ids}]"));
            let (name, why) = (&enforcement.name, problems.join("; "));
            return Ok(Verdict::Wrong(format!("failed to satisfy enforcement {name}. error: {why}")));
        }
    }
    guesses::forget(txn, &trial.entity.id)?;
    Ok(Verdict::Right)
}

fn check(txn: &mut Txn, trial: Trial<'_>, method: &Method, given: &[String]) -> Result<Checked> {
    let Trial { now, entity, .. } = trial;
    let code = match passcode(given) {
        Ok(code) => code,
        Err(problem) => return Ok(Checked::Wrong(problem.to_owned())),
    };
    let Settings::Totp(settings) = &method.settings else { return by_asking(txn, trial, method, code) };
    let Some(code) = code else { return Ok(Checked::Wrong(codes::missing())) };
    let key = key(txn, &method.id, &entity.id)?;
    let whose = (method.id.as_str(), entity.id.as_str());
    let problem = codes::take(txn, now, whose, (settings, key.as_ref()), code)?;
    Ok(problem.map_or(Checked::Right, Checked::Wrong))
}

/// By what somebody else says. Who was refused too often in a row is not asked again for a while: a phone that never stops
/// asking is answered in the end.
fn by_asking(txn: &mut Txn, trial: Trial<'_>, method: &Method, code: Option<&str>) -> Result<Checked> {
    let Trial { now, namespace, entity, remote, asks, answered, .. } = trial;
    if let Some(why) = asks.unfit(namespace.is_root(), &method.settings) {
        return Ok(Checked::Wrong(unasked(method, &why)));
    }
    let question = match question(txn, namespace, entity, method, code, remote)? {
        Ok(question) => question,
        Err(problem) => return Ok(Checked::Wrong(problem)),
    };
    let whose = (method.id.as_str(), entity.id.as_str());
    match answered.to(&question) {
        None if answered.is_full() => Ok(Checked::Wrong("too many second factors are asked for at once".into())),
        None => Ok(match codes::tired(txn, now, whose)? {
            Some(why) => Checked::Wrong(why),
            None => Checked::Asks(Box::new(question)),
        }),
        Some(Ok(())) => {
            codes::note(txn, now, whose, true)?;
            Ok(Checked::Right)
        }
        Some(Err(NotLetIn::Denied(why))) => {
            codes::note(txn, now, whose, false)?;
            Ok(Checked::Wrong(why.clone()))
        }
        Some(Err(NotLetIn::Unavailable(why))) => Ok(Checked::Wrong(why.clone())),
    }
}

fn unasked(method: &Method, why: &str) -> String {
    let kind = method.settings.kind().name();
    format!("this server cannot ask {kind}: {why}")
}

/// Refuses logins that nothing could satisfy, before anybody is asked for anything.
pub(crate) fn check_answerable(
    read: &impl Read,
    asks: &dyn Asks,
    namespace: &Namespace,
    demanded: &[Enforcement],
) -> Result<()> {
    for enforcement in demanded {
        let (mut answerable, mut other) = (false, None);
        for id in &enforcement.method_ids {
            let lost = || Access::Broken("an enforcement asks for a method that is not there".into());
            let method = method(read, id)?.ok_or_else(lost)?;
            let unfit = match &method.settings {
                Settings::Totp(_) => None,
                settings => asks.unfit(namespace.is_root(), settings),
            };
            match unfit {
                None => answerable = true,
                Some(why) => other = Some(unasked(&method, &why)),
            }
        }
        if let Some(other) = other.filter(|_| !answerable) {
            let text = format!("enforcement {} binds this login, and {other}", enforcement.name);
            return Err(Failure::denied(text));
        }
    }
    Ok(())
}
