//! Whether what somebody brings satisfies what is asked of them.

use std::collections::BTreeSet;

use sdk::{Failure, Result};
use storage::{Access, Millis, Read, Txn};

use super::codes;
use super::enforcement::Enforcement;
use super::factor::{Factors, given, passcode};
use super::key::key;
use super::method::{Method, Settings, method};
use crate::identity::Entity;

/// What a second factor came to. Either way there is something to be committed: a code that is used up, an attempt that counts.
pub enum Verdict {
    Right,
    /// With a sentence for whoever has brought a password already.
    Wrong(String),
}

/// Checks the factors of one login against all enforcements that bind it. A method that was passed counts for each of them.
pub fn satisfy(
    txn: &mut Txn,
    now: Millis,
    namespace: &str,
    entity: &Entity,
    demanded: &[Enforcement],
    factors: &Factors,
) -> Result<Verdict> {
    let mut passed = BTreeSet::new();
    for enforcement in demanded {
        let mut problems = Vec::new();
        let mut satisfied = enforcement.method_ids.iter().any(|id| passed.contains(id));
        for id in &enforcement.method_ids {
            if satisfied {
                break;
            }
            let Some(method) = method(txn, id)? else { continue };
            let Some(given) = given(factors, &method, namespace) else { continue };
            match check(txn, now, entity, &method, given)? {
                None => {
                    passed.insert(id);
                    satisfied = true;
                }
                Some(problem) => problems.push(problem),
            }
        }
        if !satisfied {
            let ids = enforcement.method_ids.join(" ");
            problems.push(format!("login MFA validation failed for methodID: [{ids}]"));
            let (name, why) = (&enforcement.name, problems.join("; "));
            return Ok(Verdict::Wrong(format!("failed to satisfy enforcement {name}. error: {why}")));
        }
    }
    Ok(Verdict::Right)
}

/// What is wrong with what was given for one method.
fn check(txn: &mut Txn, now: Millis, entity: &Entity, method: &Method, given: &[String]) -> Result<Option<String>> {
    let Settings::Totp(settings) = &method.settings else { return Ok(Some(unasked(method))) };
    let code = match passcode(given) {
        Ok(Some(code)) => code,
        Ok(None) => return Ok(Some(codes::missing())),
        Err(problem) => return Ok(Some(problem.to_owned())),
    };
    let Some(key) = key(txn, &method.id, &entity.id)? else {
        return Ok(Some(format!("MFA secret for method ID {:?} not present in entity {:?}", method.id, entity.id)));
    };
    codes::take(txn, now, (&method.id, &entity.id), &key, settings.max_validation_attempts, code)
}

fn unasked(method: &Method) -> String {
    let kind = method.settings.kind().name();
    format!("this server cannot ask {kind} yet: only TOTP methods can be satisfied")
}

/// Refuses logins that nothing could satisfy, before anybody is asked for anything.
pub(crate) fn check_answerable(read: &impl Read, demanded: &[Enforcement]) -> Result<()> {
    for enforcement in demanded {
        let (mut answerable, mut other) = (false, None);
        for id in &enforcement.method_ids {
            let lost = || Access::Broken("an enforcement asks for a method that is not there".into());
            let method = method(read, id)?.ok_or_else(lost)?;
            match method.settings {
                Settings::Totp(_) => answerable = true,
                _ => other = Some(method),
            }
        }
        if let Some(other) = other.filter(|_| !answerable) {
            let text = format!("enforcement {} binds this login, and {}", enforcement.name, unasked(&other));
            return Err(Failure::denied(text));
        }
    }
    Ok(())
}
