//! `sign/:name` and `sign/:name/:urlalgorithm`: a signature of an input, or of many.

use std::sync::Arc;

use sdk::{Ctx, Failure, Input, Name, Path, Reply, Result, Verb, View};

use super::hmac::decoded;
use crate::answers::{self, SignedItem};
use crate::batch::{self, BatchInput};
use crate::keys::{InUse, Keys};
use crate::signing::{self, Options, Signed};
use crate::wire;

/// How to sign, and how a signature was made.
#[derive(Input)]
pub struct How {
    /// sha1, sha2-224 to sha2-512, sha3-224 to sha3-512, or none; not for ed25519.
    #[field(default = "sha2-256".into())]
    hash_algorithm: String,
    /// The older name of `hash_algorithm`, which counts only where that is empty.
    #[field(deprecated)]
    algorithm: String,
    /// As `hash_algorithm`, in the path.
    urlalgorithm: String,
    /// The input is a digest already.
    prehashed: bool,
    /// `pss` or `pkcs1v15`, of an RSA key.
    signature_algorithm: String,
    /// `asn1` or `jws`.
    #[field(default = "asn1".into())]
    marshaling_algorithm: String,
    /// `auto`, `hash` or a number of bytes, of RSA-PSS.
    #[field(default = "auto".into())]
    salt_length: String,
}

impl How {
    /// The hash's name: the first of those that are given.
    pub fn hash_name(&self) -> &str {
        let given = [&self.urlalgorithm, &self.hash_algorithm, &self.algorithm];
        given.into_iter().find(|name| !name.is_empty()).map_or("sha2-256", String::as_str)
    }

    pub fn options(self) -> Result<Options> {
        let name = self.hash_name();
        let hash = signing::hash(name).ok_or_else(|| Failure::invalid(format!("invalid hash algorithm {name:?}")))?;
        let jws = match self.marshaling_algorithm.as_str() {
            "asn1" => false,
            "jws" => true,
            other => return Err(Failure::invalid(format!("invalid marshaling type {other:?}"))),
        };
        let salt = signing::salt(&self.salt_length)?;
        Ok(Options { hash, jws, prehashed: self.prehashed, algorithm: self.signature_algorithm, salt })
    }
}

#[derive(Input)]
struct Sign {
    /// The key's name.
    name: Name,
    /// The base64 of the input.
    input: String,
    /// The base64 of the context, of a derived key.
    context: String,
    #[field(flatten)]
    how: How,
    /// 0 is the latest.
    key_version: i64,
    /// Many at once: objects with `input` and `context`, and a `reference`.
    batch_input: BatchInput,
}

pub fn paths(keys: &Arc<Keys>) -> Vec<Path> {
    let path = |pattern, id| {
        let keys = Arc::clone(keys);
        Path::new(pattern)
            .ids([(Verb::Write, id)])
            .help("Signs.", "`verify` checks it, and whoever has the public key.")
            .view(Verb::Write, move |_: &Ctx, input: Sign, view: &View| sign(&keys, input, view))
    };
    vec![path("sign/:name", "transit-sign"), path("sign/:name/:urlalgorithm+", "transit-sign-with-algorithm")]
}

fn sign(keys: &Keys, input: Sign, view: &View) -> Result<Reply<answers::Signed>> {
    let name = input.name.checked()?;
    let options = input.how.options()?;
    let used = keys.find(view, &name, "signing key not found")?;
    if !used.key.kind.signs() {
        return Err(Failure::invalid(format!("key type {} does not support signing", used.key.kind.name())));
    }
    options.check()?;
    let version = input.key_version;
    let Some(items) = input.batch_input.items()? else {
        let signed = batch::run(&used, 1, || one(&used, version, &options, Some(input.input), &input.context))?;
        return Reply::data(answers::Signed {
            signature: Some(signed.signature),
            key_version: Some(signed.number),
            public_key: signed.public,
            batch_results: None,
        });
    };
    let result = |(at, item): (usize, &batch::Item)| -> Result<SignedItem> {
        let (input, context) = (item.loose(at, "input")?, item.loose(at, "context")?.unwrap_or_default());
        let reference = item.reference(at)?;
        Ok(match batch::told(one(&used, version, &options, input, &context))? {
            Ok(signed) => SignedItem {
                signature: Some(signed.signature),
                publickey: signed.public,
                error: None,
                key_version: signed.number,
                reference,
            },
            Err(error) => {
                SignedItem { signature: None, publickey: None, error: Some(error), key_version: 0, reference }
            }
        })
    };
    let results = batch::run(&used, items.len(), || items.iter().enumerate().map(result).collect::<Result<_>>())?;
    Reply::data(answers::Signed { batch_results: Some(results), ..answers::Signed::default() })
}

fn one(used: &InUse, version: i64, options: &Options, input: Option<String>, context: &str) -> Result<Signed> {
    let input = decoded(&input.ok_or_else(|| Failure::invalid("missing input"))?)?;
    signing::sign(used, version, &context_of(context)?, options, &input)
}

pub fn context_of(text: &str) -> Result<Vec<u8>> {
    wire::decode(text).map_err(|_| Failure::invalid("failed to base64-decode context"))
}
