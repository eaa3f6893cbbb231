//! `hmac/:name` and `hmac/:name/:urlalgorithm`: the MAC of an input, or of many; and checking one, for `verify`.

use std::sync::Arc;

use crypto::{Hash, ct_eq};
use sdk::{Ctx, Failure, Input, Name, Path, Reply, Result, Verb, View};

use crate::answers::{Authenticated, AuthenticatedItem};
use crate::batch::{self, BatchInput};
use crate::keys::{InUse, Keys};
use crate::{signing, wire};

#[derive(Input)]
struct Hmac {
    /// The key's name.
    name: Name,
    /// The base64 of the input.
    input: Option<String>,
    /// sha2-224 to sha2-512, sha3-224 to sha3-512.
    #[field(default = "sha2-256".into())]
    algorithm: String,
    /// As `algorithm`, in the path.
    urlalgorithm: String,
    /// 0 is the latest.
    key_version: i64,
    /// Many at once: objects with `input`, and a `reference`.
    batch_input: BatchInput,
}

pub fn paths(keys: &Arc<Keys>) -> Vec<Path> {
    let path = |pattern, id| {
        let keys = Arc::clone(keys);
        Path::new(pattern)
            .ids([(Verb::Write, id)])
            .help("Makes an HMAC.", "`verify` checks it.")
            .view(Verb::Write, move |_: &Ctx, input: Hmac, view: &View| make(&keys, input, view))
    };
    vec![
        path("hmac/:name", "transit-generate-hmac"),
        path("hmac/:name/:urlalgorithm+", "transit-generate-hmac-with-algorithm"),
    ]
}

fn make(keys: &Keys, input: Hmac, view: &View) -> Result<Reply<Authenticated>> {
    let name = input.name.checked()?;
    let used = keys.find(view, &name, "encryption key not found")?;
    used.key.usable()?;
    let asked = u64::try_from(input.key_version)
        .map_err(|_| Failure::invalid("key version does not exist (cannot be negative)"))?;
    let number = if asked == 0 { used.key.latest } else { asked };
    if number != used.key.latest && number < used.key.min_encryption {
        return Err(Failure::invalid("cannot generate HMAC: version is too old (disallowed by policy)"));
    }
    let algorithm = if input.urlalgorithm.is_empty() { input.algorithm } else { input.urlalgorithm };
    let hash = hash_of(&algorithm)?;
    let ready = used.version(number)?;
    let one = |text: Option<String>| -> Result<String> {
        let text = text.ok_or_else(|| Failure::invalid("missing input for HMAC"))?;
        let mac = hash.hmac(ready.hmac.expose(), &decoded(&text)?);
        Ok(wire::prefixed(number, &wire::encode(&mac)))
    };
    let Some(items) = input.batch_input.items()? else {
        return Reply::data(Authenticated { hmac: Some(one(input.input)?), batch_results: None });
    };
    let result = |(at, item): (usize, &batch::Item)| -> Result<AuthenticatedItem> {
        let reference = item.reference(at)?;
        Ok(match batch::told(one(item.loose(at, "input")?))? {
            Ok(mac) => AuthenticatedItem { hmac: Some(mac), error: None, reference },
            Err(error) => AuthenticatedItem { hmac: None, error: Some(error), reference },
        })
    };
    let results = batch::run(&used, items.len(), || items.iter().enumerate().map(result).collect::<Result<_>>())?;
    Reply::data(Authenticated { hmac: None, batch_results: Some(results) })
}

pub fn hash_of(algorithm: &str) -> Result<Hash> {
    let known = signing::hash(algorithm).flatten();
    known.ok_or_else(|| Failure::invalid(format!("unsupported algorithm {algorithm:?}")))
}

pub fn decoded(input: &str) -> Result<Vec<u8>> {
    wire::decode(input).map_err(|why| Failure::invalid(format!("unable to decode input as base64: {why}")))
}

pub fn check(used: &InUse, hash: Hash, input: &str, mac: &str) -> Result<bool> {
    used.key.usable()?;
    let input = decoded(input)?;
    let (number, encoded) = wire::split("HMAC", mac)?;
    let mac = wire::decode(encoded)
        .map_err(|why| Failure::invalid(format!("unable to decode verification HMAC as base64: {why}")))?;
    if number > used.key.latest {
        return Err(Failure::invalid("invalid HMAC: version is too new"));
    }
    if number < used.key.min_decryption {
        return Err(Failure::invalid("cannot verify HMAC: version is too old (disallowed by policy)"));
    }
    Ok(ct_eq(&hash.hmac(used.version(number)?.hmac.expose(), &input), &mac))
}
