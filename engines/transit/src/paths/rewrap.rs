//! `rewrap/:name`: decrypts and encrypts again under the latest version, without showing the plaintext.

use std::sync::Arc;

use sdk::{Ctx, Failure, Input, Name, Path, Reply, Result, Verb, View};

use super::decrypt::missing;
use super::encrypt::{item, one_text, same_contexts};
use crate::answers::Encrypted;
use crate::batch::{self, BatchInput};
use crate::encryption::{self, Extras};
use crate::keys::{InUse, Keys};
use crate::wire;

#[derive(Input)]
struct Rewrap {
    /// The key's name.
    name: Name,
    /// What `encrypt` gave.
    ciphertext: String,
    /// The base64 of the context, of a derived key.
    context: String,
    /// 0 is the latest.
    key_version: i64,
    /// Many at once: objects with the fields above, and a `reference`.
    batch_input: BatchInput,
}

pub fn path(keys: &Arc<Keys>) -> Path {
    let keys = Arc::clone(keys);
    Path::new("rewrap/:name")
        .ids([(Verb::Write, "transit-rewrap")])
        .help("Encrypts a ciphertext anew.", "Under the latest version of its key.")
        .view(Verb::Write, move |_: &Ctx, input: Rewrap, view: &View| rewrap(&keys, input, view))
}

struct Text {
    ciphertext: String,
    context: String,
    version: i64,
    reference: String,
}

fn rewrap(keys: &Keys, input: Rewrap, view: &View) -> Result<Reply<Encrypted>> {
    let name = input.name.checked()?;
    let Some(items) = input.batch_input.items()? else {
        if input.ciphertext.is_empty() {
            return Err(missing());
        }
        let used = keys.find(view, &name, "encryption key not found")?;
        let (context, version) = (input.context, input.key_version);
        let text = Text { ciphertext: input.ciphertext, context, version, reference: String::new() };
        let (ciphertext, number) = one(&used, &text)?;
        return one_text(ciphertext, number);
    };
    let text = |(at, given): (usize, &batch::Item)| -> Result<Text> {
        Ok(Text {
            ciphertext: given.text(at, "ciphertext")?.unwrap_or_default(),
            context: given.text(at, "context")?.unwrap_or_default(),
            version: given.number(at, "key_version")?,
            reference: given.reference(at)?,
        })
    };
    let texts: Vec<Text> = items.iter().enumerate().map(text).collect::<Result<_>>()?;
    same_contexts(texts.iter().map(|text| text.context.as_str()))?;
    let used = keys.find(view, &name, "encryption key not found")?;
    let results = batch::run(&used, texts.len(), || {
        texts.iter().map(|text| Ok(item(batch::told(one(&used, text))?, &text.reference))).collect::<Result<_>>()
    })?;
    Reply::data(Encrypted { batch_results: Some(results), ..Encrypted::default() })
}

fn one(used: &InUse, text: &Text) -> Result<(String, u64)> {
    if text.ciphertext.is_empty() {
        return Err(missing());
    }
    let context = wire::decode(&text.context).map_err(Failure::invalid)?;
    let extras = Extras { context, associated_data: Vec::new() };
    let plain = encryption::decrypt(used, &extras, &text.ciphertext)?;
    encryption::encrypt(used, text.version, &extras, &plain)
}
