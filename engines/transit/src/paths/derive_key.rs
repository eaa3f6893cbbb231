//! `derive-key/:name`: a symmetric key of a pair here and somebody's public key (ECDH, then HKDF-SHA256).

use std::sync::Arc;

use crypto::{PublicKey, hkdf_sha256};
use sdk::{Answer, Ctx, Failure, Input, Name, Path, Result, Txn, Verb, View, Work};
use zeroize::Zeroizing;

use crate::form;
use crate::keys::Keys;
use crate::kind::Kind;
use crate::material;
use crate::record::{Key, Version};

#[derive(Input)]
struct Derive {
    /// The new key's name.
    name: Name,
    /// `ecdh`.
    #[field(default = "ecdh".into())]
    key_derivation_algorithm: String,
    /// The other side's public key in PEM.
    peer_public_key: String,
    /// The name of the key of this side.
    base_key_name: String,
    /// 0 is the latest.
    base_key_version: i64,
    /// The new key's type.
    #[field(default = "aes256-gcm96".into())]
    derived_key_type: String,
}

pub fn path(keys: &Arc<Keys>) -> Path {
    let keys = Arc::clone(keys);
    Path::new("derive-key/:name")
        .ids([(Verb::Write, "transit-derive-key")])
        .help("Derives a key from a pair and somebody's public key.", "Both sides get the same.")
        .slow(
            Verb::Write,
            move |ctx: &Ctx, input: Derive, view: &View| prepare(&keys, ctx, input, view).map(Work::Done),
            write,
        )
}

fn prepare(keys: &Keys, ctx: &Ctx, input: Derive, view: &View) -> Result<(Kind, Version)> {
    if input.key_derivation_algorithm != "ecdh" {
        let text = format!("key derivation algorithm {} not supported", input.key_derivation_algorithm);
        return Err(Failure::invalid(text));
    }
    if input.peer_public_key.is_empty() {
        return Err(Failure::invalid("peer public key not provided"));
    }
    let kind = Kind::parse(&input.derived_key_type.to_lowercase());
    let unknown = || Failure::invalid(format!("unknown key type {}", input.derived_key_type));
    let kind = kind.ok_or_else(unknown)?;
    let len = kind.cipher().ok_or_else(unknown)?.key_len();
    let used = keys.find(view, &input.base_key_name, "specified base key not found")?;
    used.key.usable()?;
    if !used.key.kind.is_curve() {
        let text = format!("base key type {} does not support key agreement", used.key.kind.name());
        return Err(Failure::invalid(text));
    }
    let ready = used.version(used.newest("the base key", input.base_key_version)?)?;
    let own = ready.private().ok_or_else(|| Failure::invalid("the base key has no private part"))?;
    let unreadable = || Failure::invalid("failed to parse supplied peer public key PEM");
    let der = form::der_of(&input.peer_public_key).ok_or_else(unreadable)?;
    let theirs = PublicKey::from_spki(&der).map_err(|_| unreadable())?;
    let other = || format!("the peer's public key is not of the base key's curve ({})", used.key.kind.name());
    let secret = own.agree(&theirs).map_err(|_| Failure::invalid(other()))?;
    let mut key = Zeroizing::new(vec![0; len]);
    hkdf_sha256(&[], secret.expose(), &[], &mut key).map_err(Failure::internal)?;
    Ok((kind, material::of_bytes(kind, key, ctx.now)))
}

/// Derived again under its name, a key gets one version more.
fn write(_: &Ctx, input: Derive, made: &(Kind, Version), txn: &mut Txn) -> Result<Answer> {
    let name = input.name.checked()?;
    let (kind, version) = made;
    let known = Key::take(txn, &name)?;
    let mut key = known.unwrap_or_else(|| Key { imported: true, ..Key::new(*kind) });
    key.usable()?;
    if key.kind != *kind || !key.imported {
        let text = format!("the name {name:?} is taken by a key that was not derived, or is of another type");
        return Err(Failure::invalid(text));
    }
    key.add(txn, &name, version)?;
    Ok(Answer::empty())
}
