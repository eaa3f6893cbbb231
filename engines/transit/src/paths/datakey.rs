//! `datakey/:plaintext/:name`: a fresh key for the caller's own use, encrypted under this one.

use std::sync::Arc;

use crypto::fill_random;
use sdk::{Ctx, Failure, Input, Name, Path, Reply, Result, Verb, View};
use zeroize::Zeroizing;

use crate::keys::Keys;
use crate::{answers, encryption, wire};

#[derive(Input)]
struct DataKey {
    /// `plaintext` shows the key, `wrapped` does not.
    plaintext: String,
    /// The key's name.
    name: Name,
    /// The base64 of the context, of a derived key.
    context: String,
    /// 128, 256 or 512.
    #[field(default = 256)]
    bits: i64,
    /// 0 is the latest.
    key_version: i64,
    /// The base64 of what is to be given again when this is decrypted.
    associated_data: String,
}

pub fn path(keys: &Arc<Keys>) -> Path {
    let keys = Arc::clone(keys);
    Path::new("datakey/:plaintext/:name")
        .ids([(Verb::Write, "transit-generate-data-key")])
        .help("Makes a data key.", "It is not kept; its ciphertext decrypts to it.")
        .view(Verb::Write, move |_: &Ctx, input: DataKey, view: &View| make(&keys, input, view))
}

fn make(keys: &Keys, input: DataKey, view: &View) -> Result<Reply<answers::DataKey>> {
    if !matches!(input.plaintext.as_str(), "plaintext" | "wrapped") {
        return Err(Failure::invalid("Invalid path, must be 'plaintext' or 'wrapped'"));
    }
    let name = input.name.checked()?;
    let context = wire::decode(&input.context).map_err(|_| Failure::invalid("failed to base64-decode context"))?;
    let used = keys.find(view, &name, "encryption key not found")?;
    let len = match input.bits {
        128 => 16,
        256 => 32,
        512 => 64,
        _ => return Err(Failure::invalid("invalid bit length")),
    };
    let mut key = Zeroizing::new(vec![0; len]);
    fill_random(&mut key);
    let extras = encryption::extras(&used, 0, context, &input.associated_data)?;
    let (ciphertext, number) = encryption::encrypt(&used, input.key_version, &extras, &key)?;
    let plaintext = (input.plaintext == "plaintext").then(|| wire::encode(&key));
    Reply::data(answers::DataKey { ciphertext, key_version: number, plaintext })
}
