//! `verify/:name` and `verify/:name/:urlalgorithm`: whether a signature, or an HMAC, is right.

use std::sync::Arc;

use sdk::{Answer, Ctx, Failure, Input, Path, Result, Verb, View, json};

use super::hmac;
use super::sign::{How, context_of};
use crate::batch::{self, BatchInput};
use crate::keys::Keys;
use crate::name::Name;
use crate::signing;

#[derive(Input)]
struct Verify {
    /// The key's name.
    name: Name,
    /// The base64 of the input.
    input: String,
    /// The base64 of the context, of a derived key.
    context: String,
    /// What `sign` gave.
    signature: Option<String>,
    /// What `hmac` gave.
    hmac: Option<String>,
    #[field(flatten)]
    how: How,
    /// Many at once: objects with the first fields above, and a `reference`; all of signatures, or all of HMACs.
    batch_input: BatchInput,
}

pub fn paths(keys: &Arc<Keys>) -> Vec<Path> {
    let path = |pattern| {
        let keys = Arc::clone(keys);
        Path::new(pattern)
            .help("Checks a signature or an HMAC.", "With the version that it names.")
            .view(Verb::Write, move |_: &Ctx, input: Verify, view: &View| verify(&keys, input, view))
    };
    vec![path("verify/:name"), path("verify/:name/:urlalgorithm+")]
}

struct Claim {
    input: Option<String>,
    context: String,
    signature: Option<String>,
    hmac: Option<String>,
    reference: String,
}

fn verify(keys: &Keys, input: Verify, view: &View) -> Result<Answer> {
    let name = input.name.checked()?;
    let (claims, many) = match input.batch_input.items()? {
        Some(items) => {
            let claim = |(at, item): (usize, &batch::Item)| {
                Ok(Claim {
                    input: item.loose(at, "input")?,
                    context: item.loose(at, "context")?.unwrap_or_default(),
                    signature: item.loose(at, "signature")?,
                    hmac: item.loose(at, "hmac")?,
                    reference: item.reference(at)?,
                })
            };
            (items.iter().enumerate().map(claim).collect::<Result<Vec<_>>>()?, true)
        }
        None => {
            let (signature, hmac, context) = (input.signature, input.hmac, input.context);
            (vec![Claim { input: Some(input.input), context, signature, hmac, reference: String::new() }], false)
        }
    };
    let macs = of_macs(&claims, many)?;
    let hash_name = input.how.hash_name().to_owned();
    let (used, one): (_, Box<dyn Fn(&_, &Claim) -> Result<bool>>) = if macs {
        let used = keys.find(view, &name, "encryption key not found")?;
        let hash = hmac::hash_of(&hash_name)?;
        (used, Box::new(move |used, claim: &Claim| {
            hmac::check(used, hash, given(&claim.input, "input")?, given(&claim.hmac, "hmac")?)
        }))
    } else {
        let options = input.how.options()?;
        let used = keys.find(view, &name, "signature verification key not found")?;
        if !used.key.kind.signs() {
            let text = format!("key type {} does not support verification", used.key.kind.name());
            return Err(Failure::invalid(text));
        }
        options.check()?;
        (used, Box::new(move |used, claim: &Claim| {
            let input = hmac::decoded(given(&claim.input, "input")?)?;
            let signature = given(&claim.signature, "signature")?;
            signing::verify(used, &context_of(&claim.context)?, &options, &input, signature)
        }))
    };
    if !many {
        return Ok(Answer::json(json!({ "valid": one(&used, &claims[0])? })));
    }
    let result = |claim: &Claim| {
        let reference = &claim.reference;
        Ok(match batch::told(one(&used, claim))? {
            Ok(valid) => json!({ "valid": valid, "reference": reference }),
            Err(error) => json!({ "valid": false, "error": error, "reference": reference }),
        })
    };
    let results = batch::run(&used, claims.len(), || claims.iter().map(result).collect::<Result<_>>())?;
    Ok(batch::results(results))
}

fn given<'c>(field: &'c Option<String>, name: &str) -> Result<&'c str> {
    field.as_deref().ok_or_else(|| Failure::invalid(format!("missing {name}")))
}

/// Whether these are HMACs. All are, or none is.
fn of_macs(claims: &[Claim], many: bool) -> Result<bool> {
    let signatures = claims.iter().filter(|claim| claim.signature.is_some()).count();
    let macs = claims.iter().filter(|claim| claim.hmac.is_some() && (claim.signature.is_none() || !many)).count();
    let text = match (signatures, macs, many) {
        (0, 0, true) => "no batch_input elements have 'signature' or 'hmac'",
        (0, 0, false) => "neither a 'signature' nor an 'hmac' were given to verify",
        (0, n, _) if n == claims.len() => return Ok(true),
        (n, 0, _) if n == claims.len() => return Ok(false),
        (0, _, _) => "some elements of batch_input are missing 'hmac'",
        (_, 0, _) => "some elements of batch_input are missing 'signature'",
        (_, _, true) => "elements of batch_input must all provide 'signature' or all provide 'hmac'",
        (_, _, false) => "provide one of 'signature' or 'hmac'",
    };
    Err(Failure::invalid(text))
}
