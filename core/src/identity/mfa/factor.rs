//! What somebody brings as a second factor.

use std::collections::BTreeMap;

use super::method::Method;

/// By a method's id or name, what belongs to it: a code, or nothing where the method asks by itself.
pub type Factors = BTreeMap<String, Vec<String>>;

/// What is given for a method: by its id, or by its name, with the namespace's path before it or without.
pub(super) fn given<'a>(factors: &'a Factors, method: &Method, namespace: &str) -> Option<&'a [String]> {
    let by_name = || {
        let name = Some(method.name.as_str()).filter(|name| !name.is_empty())?;
        factors.get(name).or_else(|| factors.get(&format!("{namespace}{name}")))
    };
    factors.get(&method.id).or_else(by_name).map(Vec::as_slice)
}

/// The code among what was given for one method: alone, or as `passcode=`. No text of it is repeated.
pub(super) fn passcode(given: &[String]) -> Result<Option<&str>, &'static str> {
    let mut found = None;
    for value in given.iter().filter(|value| !value.is_empty()) {
        let code = match value.split_once('=') {
            Some(("passcode", "")) => return Err("invalid passcode"),
            Some(("passcode", code)) => code,
            Some(_) => return Err("found an invalid MFA credential: it can be a code, or passcode= and a code"),
            None => value,
        };
        if found.replace(code).is_some() {
            return Err("found multiple passcodes for the same MFA method");
        }
    }
    Ok(found)
}
