//! `hash` and `hash/:urlalgorithm`: a hash, with no key.

use crypto::Hash;
use sdk::{Ctx, Failure, Input, Path, Reply, Result, Verb, View, encoded};

use crate::answers::Hashed;
use crate::wire;

#[derive(Input)]
struct Fields {
    /// The base64 of the input.
    input: Option<String>,
    /// sha2-224 to sha2-512, sha3-224 to sha3-512.
    #[field(default = "sha2-256".into())]
    algorithm: String,
    /// `hex` or `base64`.
    #[field(default = "hex".into())]
    format: String,
}

#[derive(Input)]
struct Named {
    #[field(flatten)]
    fields: Fields,
    /// As `algorithm`.
    urlalgorithm: String,
}

pub fn paths() -> Vec<Path> {
    let path = |pattern, id| Path::new(pattern).ids([(Verb::Write, id)]).help("Hashes.", "No key is used.");
    vec![
        path("hash", "transit-hash").view(Verb::Write, |_: &Ctx, fields: Fields, _: &View| {
            let algorithm = fields.algorithm.clone();
            hash(&fields, &algorithm)
        }),
        path("hash/:urlalgorithm+", "transit-hash-with-algorithm")
            .view(Verb::Write, |_: &Ctx, named: Named, _: &View| hash(&named.fields, &named.urlalgorithm)),
    ]
}

fn hash(fields: &Fields, algorithm: &str) -> Result<Reply<Hashed>> {
    let input = fields.input.as_ref().ok_or_else(|| Failure::invalid("input missing"))?;
    let input =
        wire::decode(input).map_err(|why| Failure::invalid(format!("unable to decode input as base64: {why}")))?;
    let known = Hash::by_name(algorithm).filter(|hash| *hash != Hash::Sha1);
    let sum = known.ok_or_else(|| Failure::invalid(format!("unsupported algorithm {algorithm}")))?.digest(&input);
    Reply::data(Hashed { sum: encoded(&fields.format, &sum)? })
}
