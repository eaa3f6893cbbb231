//! `encrypt/:name`: one text or many. A key that is not there is made, for whoever may create here.

use std::sync::Arc;

use sdk::{Ctx, Failure, Input, Name, Path, Read, Reply, Result, Txn, Verb, View};

use super::config_keys;
use crate::answers::{Encrypted, EncryptedItem};
use crate::batch::{self, BatchInput};
use crate::encryption::{self, Extras};
use crate::keys::{InUse, Keys};
use crate::kind::Kind;
use crate::record::{self, Kdf, Key};
use crate::{material, wire};

#[derive(Input)]
struct Encrypt {
    /// The key's name.
    name: Name,
    /// The base64 of what is to be encrypted.
    plaintext: Option<String>,
    /// The base64 of the context, of a derived key.
    context: String,
    /// The type of a key that is made.
    #[field(name = "type", default = "aes256-gcm96".into())]
    kind: String,
    /// Whether a key that is made converges.
    convergent_encryption: bool,
    /// 0 is the latest.
    key_version: i64,
    /// The status of an answer in which some items failed, in place of 400.
    partial_failure_response_code: Option<i64>,
    /// The base64 of what is to be given again when this is decrypted.
    associated_data: String,
    /// Many at once: objects with the fields above, and a `reference`.
    batch_input: BatchInput,
}

#[derive(Input)]
struct Which {
    name: Name,
}

pub fn path(keys: &Arc<Keys>) -> Path {
    let keys = Arc::clone(keys);
    Path::new("encrypt/:name")
        .ids([(Verb::Write, "transit-encrypt")])
        .help("Encrypts.", "What comes of it decrypts under the same name.")
        .exists(|_: &Ctx, which: Which, view: &View| {
            let name = which.name.checked();
            Ok(match name {
                Ok(name) => view.revision(&record::key_at(&name))?.is_some(),
                Err(_) => true,
            })
        })
        .upsert(
            Verb::Write,
            move |_: &Ctx, input: Encrypt, view: &View| {
                let texts = Texts::of(&input)?;
                let name = input.name.checked()?;
                let used = keys.find(view, &name, "encryption key not found")?;
                encrypt(&used, texts, input.partial_failure_response_code)
            },
            create,
        )
}

struct Text {
    plaintext: String,
    context: String,
    associated_data: String,
    version: i64,
    reference: String,
}

struct Texts {
    items: Vec<Text>,
    batch: bool,
}

impl Texts {
    fn of(input: &Encrypt) -> Result<Self> {
        let texts = match input.batch_input.items()? {
            Some(items) => {
                let text = |(at, item): (usize, &batch::Item)| -> Result<Text> {
                    let missing = || batch::bad(format!("'[{at}].plaintext' missing plaintext to encrypt"));
                    Ok(Text {
                        plaintext: item.text(at, "plaintext")?.ok_or_else(missing)?,
                        context: item.text(at, "context")?.unwrap_or_default(),
                        associated_data: item.text(at, "associated_data")?.unwrap_or_default(),
                        version: item.number(at, "key_version")?,
                        reference: item.reference(at)?,
                    })
                };
                Self { items: items.iter().enumerate().map(text).collect::<Result<_>>()?, batch: true }
            }
            None => {
                let missing = || Failure::invalid("missing plaintext to encrypt");
                let only = Text {
                    plaintext: input.plaintext.clone().ok_or_else(missing)?,
                    context: input.context.clone(),
                    associated_data: input.associated_data.clone(),
                    version: input.key_version,
                    reference: String::new(),
                };
                Self { items: vec![only], batch: false }
            }
        };
        same_contexts(texts.items.iter().map(|text| text.context.as_str()))?;
        Ok(texts)
    }
}

/// A batch is of a derived key, or it is not.
pub fn same_contexts<'a>(contexts: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut given = contexts.map(|context| !context.is_empty());
    let first = given.next();
    if given.all(|given| Some(given) == first) {
        return Ok(());
    }
    Err(Failure::invalid("context should be set either in all the request blocks or in none"))
}

fn encrypt(used: &InUse, texts: Texts, code: Option<i64>) -> Result<Reply<Encrypted>> {
    let one = |at: usize, text: &Text| {
        let plain = wire::decode(&text.plaintext).map_err(Failure::invalid)?;
        let context = wire::decode(&text.context).map_err(Failure::invalid)?;
        let extras: Extras = encryption::extras(used, at, context, &text.associated_data)?;
        encryption::encrypt(used, text.version, &extras, &plain)
    };
    if !texts.batch {
        let (ciphertext, number) = one(0, &texts.items[0])?;
        return one_text(ciphertext, number);
    }
    let (mut failed, mut went_well) = (false, false);
    let results = batch::run(used, texts.items.len(), || {
        let mut results = Vec::with_capacity(texts.items.len());
        for (at, text) in texts.items.iter().enumerate() {
            let done = batch::told(one(at, text))?;
            failed |= done.is_err();
            went_well |= done.is_ok();
            results.push(item(done, &text.reference));
        }
        Ok::<_, Failure>(results)
    })?;
    let reply = Reply::data(Encrypted { batch_results: Some(results), ..Encrypted::default() })?;
    Ok(reply.with(|answer| batch::with_status(answer, failed, went_well, code)))
}

/// What is answered to one text alone.
pub fn one_text(ciphertext: String, number: u64) -> Result<Reply<Encrypted>> {
    Reply::data(Encrypted { ciphertext: Some(ciphertext), key_version: Some(number), batch_results: None })
}

/// What a batch says of one text that was encrypted, or was not.
pub fn item(done: Result<(String, u64), String>, reference: &str) -> EncryptedItem {
    let reference = reference.to_owned();
    match done {
        Ok((ciphertext, number)) => {
            EncryptedItem { ciphertext: Some(ciphertext), key_version: Some(number), error: None, reference }
        }
        Err(error) => EncryptedItem { ciphertext: None, key_version: None, error: Some(error), reference },
    }
}

fn create(ctx: &Ctx, input: Encrypt, txn: &mut Txn) -> Result<Reply<Encrypted>> {
    let texts = Texts::of(&input)?;
    let derived = !texts.items[0].context.is_empty();
    if input.convergent_encryption && !derived {
        let text = "convergent encryption requires derivation to be enabled, so context is required";
        return Err(Failure::invalid(text));
    }
    let kind = match Kind::parse(&input.kind) {
        Some(kind) if kind.cipher().is_some() => kind,
        Some(kind) if kind.is_curve() => {
            let text = format!("key type {} not supported for this operation", kind.name());
            return Err(Failure::invalid(text));
        }
        _ => return Err(Failure::invalid(format!("unknown key type {}", input.kind))),
    };
    let name = input.name.checked()?;
    if config_keys::get(txn)?.disable_upsert {
        return Err(Failure::invalid("encryption key not found"));
    }
    txn.latch(&record::key_at(&name))?;
    if txn.bytes(&record::key_at(&name))?.is_some() {
        return Err(super::key::gone());
    }
    let mut key =
        Key { derived: derived.then_some(Kdf::Hkdf), convergent: input.convergent_encryption, ..Key::new(kind) };
    let version = material::generate(kind, None, ctx.now)?;
    key.add(txn, &name, &version)?;
    encrypt(&InUse::made(key, &version)?, texts, input.partial_failure_response_code)
}
