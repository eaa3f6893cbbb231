//! Whether a request keeps within the limits of the rule that grants its operation.

use serde_json::{Map, Value};

use crate::rule::Limits;
use crate::{Question, Reason};

/// The page limit to set, or why not.
pub(crate) fn limits<'a>(limits: &'a Limits, question: &Question<'a>) -> Result<Option<u64>, Reason<'a>> {
    wrapping(limits, question)?;
    if question.operation.checks_parameters() {
        parameters(limits, question.parameters)?;
        return Ok(None);
    }
    if question.operation.lists() {
        return page(limits, question.parameters);
    }
    Ok(None)
}

fn wrapping<'a>(limits: &Limits, question: &Question<'a>) -> Result<(), Reason<'a>> {
    let (min, max) = (limits.min_wrapping, limits.max_wrapping);
    // Two policies together may ask for a minimum above the maximum: then no time fits.
    let fits = match question.wrap_ttl {
        None => min.is_none() && max.is_none(),
        Some(ttl) => min.is_none_or(|min| ttl >= min) && max.is_none_or(|max| ttl <= max),
    };
    if fits { Ok(()) } else { Err(Reason::Wrapping { min, max }) }
}

fn parameters<'a>(limits: &'a Limits, given: Option<&'a Map<String, Value>>) -> Result<(), Reason<'a>> {
    if let Some(name) = limits.required.iter().find(|name| !has(given, name)) {
        return Err(Reason::ParameterRequired(name));
    }
    let Some(given) = given.filter(|given| !given.is_empty()) else { return Ok(()) };
    if limits.denied.has_star() {
        return Err(Reason::ParameterDenied("*"));
    }
    if !limits.denied.is_empty()
        && let Some((name, _)) = given.iter().find(|(name, value)| limits.denied.covers(name, value) == Some(true))
    {
        return Err(Reason::ParameterDenied(name));
    }
    if limits.allowed.is_empty() || limits.allowed.is_only_star() {
        return Ok(());
    }
    let allowed = |name, value| limits.allowed.covers(name, value).unwrap_or(limits.allowed.has_star());
    match given.iter().find(|(name, value)| !allowed(name, value)) {
        Some((name, _)) => Err(Reason::ParameterNotAllowed(name)),
        None => Ok(()),
    }
}

/// A caller that knows nothing of pages gets the largest one, unless `limit` is required.
fn page<'a>(limits: &'a Limits, given: Option<&'a Map<String, Value>>) -> Result<Option<u64>, Reason<'a>> {
    let asked = given.and_then(|given| given.get(LIMIT));
    let is_max = asked.and_then(Value::as_str) == Some("max");
    let Some(largest) = limits.page else {
        return Ok(is_max.then_some(0));
    };
    let Some(asked) = asked else {
        return match limits.required.iter().find(|name| name.eq_ignore_ascii_case(LIMIT)) {
            Some(name) => Err(Reason::ParameterRequired(name)),
            None => Ok(Some(largest)),
        };
    };
    if is_max {
        return Ok(Some(largest));
    }
    let number = match asked {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    match number {
        Some(0) => Ok(Some(largest)),
        Some(number) if number <= largest => Ok(None),
        _ => Err(Reason::PageLimit),
    }
}

/// Rules may write a parameter in any case, requests name it in lower case.
fn has(given: Option<&Map<String, Value>>, name: &str) -> bool {
    given.is_some_and(|given| match name.chars().any(char::is_uppercase) {
        true => given.contains_key(&name.to_lowercase()),
        false => given.contains_key(name),
    })
}

const LIMIT: &str = "limit";
