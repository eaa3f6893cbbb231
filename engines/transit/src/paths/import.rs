//! `keys/:name/import` and `keys/:name/import_version`: keys that were made elsewhere.

use std::sync::Arc;

use sdk::{Answer, Ctx, Failure, Input, Name, Path, Result, Seconds, Txn, Value, Verb, View, Work};

use crate::kind::Kind;
use crate::record::{Kdf, Key, Version};
use crate::{import, rotation, wire, wrapping};

/// The key itself: wrapped, or a public half alone.
#[derive(Input)]
struct Given {
    /// The key's name.
    name: Name,
    /// The base64 of an AES key under the wrapping key (RSA-OAEP) and behind it the key under the AES key.
    ciphertext: Option<String>,
    /// The hash of the RSA-OAEP: SHA1, SHA224, SHA256, SHA384 or SHA512.
    #[field(default = "SHA256".into())]
    hash_function: String,
    /// The public half in PEM, if that is all there is.
    public_key: String,
}

#[derive(Input)]
struct Import {
    #[field(flatten)]
    given: Given,
    /// The key's type.
    #[field(name = "type", default = "aes256-gcm96".into())]
    kind: String,
    /// Whether the key may be rotated here.
    allow_rotation: bool,
    /// Each context has a key of its own, derived from this one.
    derived: bool,
    /// The key may be exported; this stays so.
    exportable: bool,
    /// The key may be backed up in the clear; this stays so.
    allow_plaintext_backup: bool,
    /// After how long the key is rotated by itself.
    auto_rotate_period: Seconds,
    /// Refused: what is imported does not converge.
    convergent_encryption: Option<Value>,
}

#[derive(Input)]
struct ImportVersion {
    #[field(flatten)]
    given: Given,
    /// The version that the private half is for, if its public one is there already.
    version: Option<i64>,
}

pub fn path() -> Path {
    Path::new("keys/:name/import")
        .ids([(Verb::Write, "transit-import-key")])
        .help("Makes a key of one from elsewhere.", "The name must be free.")
        .slow(Verb::Write, prepare, write)
}

pub fn version() -> Path {
    Path::new("keys/:name/import_version")
        .ids([(Verb::Write, "transit-import-key-version")])
        .help(
            "Adds a version from elsewhere to an imported key.",
            "Or its private half to one that has only the public.",
        )
        .slow(Verb::Write, prepare_version, write_version)
}

/// Opens and reads what was given; RSA takes its time.
fn work(ctx: &Ctx, given: Given, kind: Kind, view: &View) -> Result<Work<Arc<Version>>> {
    let now = ctx.now;
    let Some(text) = given.ciphertext else {
        return import::public(kind, &given.public_key, now).map(Arc::new).map(Work::Done);
    };
    let hash = wrapping::hash(&given.hash_function)?;
    let blob = wire::decode(&text).map_err(Failure::invalid)?;
    if blob.is_empty() {
        return Err(wrapping::too_short());
    }
    let missing = || Failure::invalid("nothing can be wrapped to this mount yet: read wrapping_key first");
    let pair = wrapping::get(view)?.ok_or_else(missing)?;
    Ok(Work::Slow(Box::new(move || import::private(kind, wrapping::unwrap(&pair, hash, &blob)?, now).map(Arc::new))))
}

impl Import {
    fn key(&self) -> Result<Key> {
        if self.convergent_encryption.is_some() {
            return Err(Failure::invalid("import cannot be used on keys with convergent encryption enabled"));
        }
        let rotate = self.auto_rotate_period.0.as_secs();
        if !rotation::may_be(rotate) {
            return Err(rotation::too_often());
        }
        if rotate > 0 && !self.allow_rotation {
            return Err(Failure::invalid("allow_rotation must be set to true if auto-rotation is enabled"));
        }
        let kind = Kind::parse(&self.kind.to_lowercase())
            .ok_or_else(|| Failure::invalid(format!("unknown key type: {}", self.kind)))?;
        if self.derived && !kind.derives() {
            return Err(Failure::invalid(format!("derivation not supported for key type {}", kind.name())));
        }
        if self.derived && kind == Kind::Ed25519 && self.given.ciphertext.is_none() {
            return Err(Failure::invalid("unable to import only public key for derived Ed25519 key"));
        }
        Ok(Key {
            derived: self.derived.then_some(Kdf::HmacCounter),
            exportable: self.exportable,
            plaintext_backup: self.allow_plaintext_backup,
            imported: true,
            rotation_allowed: self.allow_rotation,
            auto_rotate: rotate,
            ..Key::new(kind)
        })
    }
}

fn taken() -> Failure {
    Failure::invalid(
        "the import path cannot be used with an existing key; use import-version to rotate an existing imported key",
    )
}

fn prepare(ctx: &Ctx, input: Import, view: &View) -> Result<Work<Arc<Version>>> {
    let key = input.key()?;
    let mut given = input.given;
    let name = std::mem::take(&mut given.name).checked()?;
    if Key::get(view, &name)?.is_some() {
        return Err(taken());
    }
    work(ctx, given, key.kind, view)
}

fn write(_: &Ctx, input: Import, version: &Arc<Version>, txn: &mut Txn) -> Result<Answer> {
    let mut key = input.key()?;
    let name = input.given.name.checked()?;
    if Key::take(txn, &name)?.is_some() {
        return Err(taken());
    }
    if let (Kind::Hmac, Some(secret)) = (key.kind, &version.secret) {
        key.size = Some(secret.0.len() as u64);
    }
    key.add(txn, &name, version)?;
    Ok(Answer::empty())
}

fn imported(name: &str, key: Option<Key>) -> Result<Key> {
    let text = || format!("no key found with name {name}; to import a new key, use the import/ endpoint");
    let key = key.ok_or_else(|| Failure::invalid(text()))?;
    if !key.imported {
        return Err(Failure::invalid("the import_version endpoint can only be used with an imported key"));
    }
    key.usable()?;
    Ok(key)
}

fn prepare_version(ctx: &Ctx, input: ImportVersion, view: &View) -> Result<Work<Arc<Version>>> {
    let mut given = input.given;
    let name = std::mem::take(&mut given.name).checked()?;
    let key = imported(&name, Key::get(view, &name)?)?;
    work(ctx, given, key.kind, view)
}

fn write_version(_: &Ctx, input: ImportVersion, new: &Arc<Version>, txn: &mut Txn) -> Result<Answer> {
    let name = input.given.name.checked()?;
    let mut key = imported(&name, Key::take(txn, &name)?)?;
    let number = key.asked(input.version)?;
    let mut old = Version::of(txn, &name, number)?;
    let same = matches!((&old.public, &new.public), (Some(old), Some(new)) if old.0 == new.0);
    let completes = old.secret.is_none() && new.secret.is_some() && same;
    match (completes, input.version) {
        (true, _) => {
            old.secret.clone_from(&new.secret);
            old.put(txn, &name, number)?;
        }
        (false, None) => {
            if let (Kind::Hmac, Some(secret)) = (key.kind, &new.secret) {
                key.size = Some(secret.0.len() as u64);
            }
            key.add(txn, &name, new)?;
        }
        (false, Some(_)) if old.secret.is_some() => {
            return Err(Failure::invalid("private key imported, key version cannot be updated"));
        }
        (false, Some(_)) if new.secret.is_none() => {
            let text = "cannot add a public key to a key version that already has a public key set";
            return Err(Failure::invalid(text));
        }
        (false, Some(_)) => return Err(Failure::invalid("cannot import key, key pair does not match")),
    }
    Ok(Answer::empty())
}
