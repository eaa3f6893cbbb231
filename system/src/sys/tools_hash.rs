//! `sys/tools/hash`, `sys/tools/hash/:urlalgorithm`.

use base64::prelude::{BASE64_STANDARD, Engine};
use crypto::Hash;
use schemars::JsonSchema;
use sdk::{Ctx, Failure, Input, Path, Reply, Result, Verb, View, encoded};
use serde::Serialize;

#[derive(Input)]
struct Fields {
    /// What to hash, in base64.
    input: String,
    /// `sha2-224` to `sha2-512`, `sha3-224` to `sha3-512`.
    #[field(default = "sha2-256".into())]
    algorithm: String,
    /// Of the answer: `hex` or `base64`.
    #[field(default = "hex".into())]
    format: String,
}

#[derive(Input)]
struct Named {
    #[field(flatten)]
    fields: Fields,
    /// As `algorithm`, which it goes before.
    urlalgorithm: String,
}

#[derive(Serialize, JsonSchema)]
struct Hashed {
    /// In the form that was asked for.
    sum: String,
}

pub fn plain() -> Path {
    Path::new("tools/hash").help("Hashes.", "No key is used, and nothing is kept.").view(
        Verb::Write,
        |_: &Ctx, fields: Fields, _: &View| {
            let algorithm = fields.algorithm.clone();
            hash(&fields, &algorithm)
        },
    )
}

pub fn by_path() -> Path {
    Path::new("tools/hash/:urlalgorithm+")
        .help("Hashes.", "No key is used, and nothing is kept.")
        .view(Verb::Write, |_: &Ctx, named: Named, _: &View| hash(&named.fields, &named.urlalgorithm))
}

fn hash(fields: &Fields, algorithm: &str) -> Result<Reply<Hashed>> {
    let input = BASE64_STANDARD.decode(fields.input.replace(['\r', '\n'], ""));
    let input = input.map_err(|why| Failure::Invalid(format!("unable to decode input as base64: {why}")))?;
    let known = Hash::by_name(algorithm).filter(|hash| *hash != Hash::Sha1);
    let algorithm = known.ok_or_else(|| {
        let ones = "it is sha2- or sha3- with 224, 256, 384 or 512";
        Failure::Invalid(format!("unsupported algorithm {algorithm}: {ones}"))
    })?;
    Reply::data(Hashed { sum: encoded(&fields.format, &algorithm.digest(&input))? })
}
