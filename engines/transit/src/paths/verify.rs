//! `verify/:name` and `verify/:name/:urlalgorithm`: whether a signature, or an HMAC, is right.

use std::sync::Arc;

use crypto::Hash;
use sdk::{Ctx, Failure, Input, Name, Path, Reply, Result, Verb, View};

use super::hmac;
use super::sign::{How, context_of};
use crate::answers::{Verified, VerifiedItem};
use crate::batch::{self, BatchInput};
use crate::keys::{InUse, Keys};
use crate::signing::{self, Options};

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
    let path = |pattern, id| {
        let keys = Arc::clone(keys);
        Path::new(pattern)
            .ids([(Verb::Write, id)])
            .help("Checks a signature or an HMAC.", "With the version that it names.")
            .view(Verb::Write, move |_: &Ctx, input: Verify, view: &View| verify(&keys, input, view))
    };
    vec![path("verify/:name", "transit-verify"), path("verify/:name/:urlalgorithm+", "transit-verify-with-algorithm")]
}

struct Claim {
    input: Option<String>,
    context: String,
    signature: Option<String>,
    hmac: Option<String>,
    reference: String,
}

fn verify(keys: &Keys, input: Verify, view: &View) -> Result<Reply<Verified>> {
    let name = input.name.checked()?;
    let (claims, many) = match input.batch_input.items()? {
        Some(items) => {
            let claim = |(at, item): (usize, &batch::Item)| -> Result<Claim> {
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
    let missing = if macs { "encryption key not found" } else { "signature verification key not found" };
    let used = keys.find(view, &name, missing)?;
    let check = match macs {
        true => Check::Mac(hmac::hash_of(input.how.hash_name())?),
        false => Check::Signature(input.how.options()?),
    };
    if let Check::Signature(options) = &check {
        if !used.key.kind.signs() {
            let text = format!("key type {} does not support verification", used.key.kind.name());
            return Err(Failure::invalid(text));
        }
        options.check()?;
    }
    if !many {
        return Reply::data(Verified { valid: Some(one(&check, &used, &claims[0])?), batch_results: None });
    }
    let result = |claim: &Claim| -> Result<VerifiedItem> {
        let reference = claim.reference.clone();
        Ok(match batch::told(one(&check, &used, claim))? {
            Ok(valid) => VerifiedItem { valid, error: None, reference },
            Err(error) => VerifiedItem { valid: false, error: Some(error), reference },
        })
    };
    let results = batch::run(&used, claims.len(), || claims.iter().map(result).collect::<Result<_>>())?;
    Reply::data(Verified { valid: None, batch_results: Some(results) })
}

enum Check {
    Mac(Hash),
    Signature(Options),
}

fn one(check: &Check, used: &InUse, claim: &Claim) -> Result<bool> {
    let input = given(&claim.input, "input")?;
    match check {
        Check::Mac(hash) => hmac::check(used, *hash, input, given(&claim.hmac, "hmac")?),
        Check::Signature(options) => {
            let (input, context) = (hmac::decoded(input)?, context_of(&claim.context)?);
            signing::verify(used, &context, options, &input, given(&claim.signature, "signature")?)
        }
    }
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
