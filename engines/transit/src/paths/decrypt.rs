//! `decrypt/:name`: one ciphertext or many.

use std::sync::Arc;

use sdk::{Ctx, Failure, Input, Name, Path, Reply, Result, Verb, View};

use super::encrypt::same_contexts;
use crate::answers::{Decrypted, DecryptedItem};
use crate::batch::{self, BatchInput};
use crate::keys::{InUse, Keys};
use crate::{encryption, wire};

#[derive(Input)]
struct Decrypt {
    /// The key's name.
    name: Name,
    /// What `encrypt` gave.
    ciphertext: String,
    /// The base64 of the context, of a derived key.
    context: String,
    /// The status of an answer in which some items failed, in place of 400.
    partial_failure_response_code: Option<i64>,
    /// The base64 of what was given when this was encrypted.
    associated_data: String,
    /// Many at once: objects with the fields above, and a `reference`.
    batch_input: BatchInput,
}

pub fn path(keys: &Arc<Keys>) -> Path {
    let keys = Arc::clone(keys);
    Path::new("decrypt/:name")
        .ids([(Verb::Write, "transit-decrypt")])
        .help("Decrypts.", "With the version that the ciphertext names.")
        .view(Verb::Write, move |_: &Ctx, input: Decrypt, view: &View| decrypt(&keys, input, view))
}

struct Text {
    ciphertext: String,
    context: String,
    associated_data: String,
    reference: String,
}

fn decrypt(keys: &Keys, input: Decrypt, view: &View) -> Result<Reply<Decrypted>> {
    let name = input.name.checked()?;
    let Some(items) = input.batch_input.items()? else {
        if input.ciphertext.is_empty() {
            return Err(missing());
        }
        let used = keys.find(view, &name, "encryption key not found")?;
        let (context, associated_data) = (input.context, input.associated_data);
        let text = Text { ciphertext: input.ciphertext, context, associated_data, reference: String::new() };
        return Reply::data(Decrypted { plaintext: Some(one(&used, 0, &text)?), ..Decrypted::default() });
    };
    let text = |(at, item): (usize, &batch::Item)| -> Result<Text> {
        let none = || batch::bad(format!("'[{at}].ciphertext' missing ciphertext to decrypt"));
        Ok(Text {
            ciphertext: item.text(at, "ciphertext")?.ok_or_else(none)?,
            context: item.text(at, "context")?.unwrap_or_default(),
            associated_data: item.text(at, "associated_data")?.unwrap_or_default(),
            reference: item.reference(at)?,
        })
    };
    let texts: Vec<Text> = items.iter().enumerate().map(text).collect::<Result<_>>()?;
    same_contexts(texts.iter().map(|text| text.context.as_str()))?;
    let used = keys.find(view, &name, "encryption key not found")?;
    let (mut failed, mut went_well) = (false, false);
    let results = batch::run(&used, texts.len(), || {
        let mut results = Vec::with_capacity(texts.len());
        for (at, text) in texts.iter().enumerate() {
            let done = batch::told(one(&used, at, text))?;
            failed |= done.is_err();
            went_well |= done.is_ok();
            let (plaintext, error) = match done {
                Ok(plaintext) => (plaintext, None),
                Err(error) => (String::new(), Some(error)),
            };
            results.push(DecryptedItem { plaintext, error, reference: text.reference.clone() });
        }
        Ok::<_, Failure>(results)
    })?;
    let reply = Reply::data(Decrypted { batch_results: Some(results), ..Decrypted::default() })?;
    let code = input.partial_failure_response_code;
    Ok(reply.with(|answer| batch::with_status(answer, failed, went_well, code)))
}

fn one(used: &InUse, at: usize, text: &Text) -> Result<String> {
    if text.ciphertext.is_empty() {
        return Err(missing());
    }
    let context = wire::decode(&text.context).map_err(Failure::invalid)?;
    let extras = encryption::extras(used, at, context, &text.associated_data)?;
    Ok(wire::encode(&encryption::decrypt(used, &extras, &text.ciphertext)?))
}

pub fn missing() -> Failure {
    Failure::invalid("missing ciphertext to decrypt")
}
