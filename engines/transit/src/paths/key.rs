//! `keys/:name`: one key.

use sdk::{Answer, Ctx, Failure, Input, Name, Path, Reply, Result, Seconds, Txn, Verb, View, Work};

use crate::import::HMAC_SIZES;
use crate::kind::Kind;
use crate::record::{Kdf, Key, Version};
use crate::show::{Shown, show};
use crate::{material, rotation, wire};

#[derive(Input)]
struct Which {
    /// The key's name.
    name: Name,
    /// The base64 of the context whose public key is to be shown, of a derived key.
    context: String,
}

#[derive(Input)]
struct Create {
    /// The key's name.
    name: Name,
    /// The key's type.
    #[field(name = "type", default = "aes256-gcm96".into())]
    kind: String,
    /// Each context has a key of its own, derived from this one.
    derived: bool,
    /// Equal plaintexts in equal contexts have equal ciphertexts.
    convergent_encryption: bool,
    /// The key may be exported; this stays so.
    exportable: bool,
    /// The key may be backed up in the clear; this stays so.
    allow_plaintext_backup: bool,
    /// After how long the key is rotated by itself: 0, or an hour at least.
    auto_rotate_period: Seconds,
    /// Of an HMAC key, in bytes: 32 to 512.
    key_size: i64,
}

pub fn path() -> Path {
    Path::new("keys/:name")
        .ids([
            (Verb::Read, "transit-read-key"),
            (Verb::Write, "transit-create-key"),
            (Verb::Delete, "transit-delete-key"),
        ])
        .help("A key.", "A write makes it, and changes nothing about one that is there.")
        .view(Verb::Read, read)
        .slow(Verb::Write, prepare, create)
        .txn(Verb::Delete, delete)
}

fn read(_: &Ctx, which: Which, view: &View) -> Result<Reply<Shown>> {
    let name = which.name.checked()?;
    let key = Key::get(view, &name)?.ok_or(Failure::NotFound)?;
    let context = wire::decode(&which.context).map_err(|_| Failure::invalid("failed to base64-decode context"))?;
    show(view, &name, &key, &context)
}

impl Create {
    fn key(&self) -> Result<Key> {
        let rotate = self.auto_rotate_period.0.as_secs();
        if !rotation::may_be(rotate) {
            return Err(rotation::too_often());
        }
        if self.convergent_encryption && !self.derived {
            return Err(Failure::invalid("convergent encryption requires derivation to be enabled"));
        }
        let kind =
            Kind::parse(&self.kind).ok_or_else(|| Failure::invalid(format!("unknown key type {}", self.kind)))?;
        let size = usize::try_from(self.key_size).ok();
        if self.key_size != 0 && kind != Kind::Hmac {
            return Err(Failure::invalid(format!("key_size is not valid for algorithm {}", kind.name())));
        }
        if self.key_size != 0 && !size.is_some_and(|size| HMAC_SIZES.contains(&size)) {
            return Err(Failure::invalid(format!("invalid key_size {}", self.key_size)));
        }
        if kind == Kind::Hmac && self.key_size == 0 {
            return Err(Failure::invalid("invalid key size for HMAC key, must be between 32 and 512 bytes"));
        }
        if self.derived && !kind.derives() {
            let text = "key derivation and convergent encryption not supported for keys of type";
            return Err(Failure::invalid(format!("{text} {}", kind.name())));
        }
        if self.convergent_encryption && kind.cipher().is_none() {
            let text = format!("convergent encryption not supported for keys of type {}", kind.name());
            return Err(Failure::invalid(text));
        }
        Ok(Key {
            derived: self.derived.then_some(Kdf::Hkdf),
            convergent: self.convergent_encryption,
            exportable: self.exportable,
            plaintext_backup: self.allow_plaintext_backup,
            auto_rotate: rotate,
            size: size.filter(|size| *size != 0).map(|size| size as u64),
            ..Key::new(kind)
        })
    }
}

fn prepare(ctx: &Ctx, input: Create, view: &View) -> Result<Work<Option<Version>>> {
    let key = input.key()?;
    if Key::get(view, &input.name.checked()?)?.is_some() {
        return Ok(Work::Done(None));
    }
    let (kind, size, now) = (key.kind, key.size, ctx.now);
    Ok(match kind.is_rsa() {
        true => Work::Slow(Box::new(move || material::generate(kind, size, now).map(Some))),
        false => Work::Done(Some(material::generate(kind, size, now)?)),
    })
}

fn create(_: &Ctx, input: Create, made: &Option<Version>, txn: &mut Txn) -> Result<Reply<Shown>> {
    let mut key = input.key()?;
    let name = input.name.checked()?;
    if let Some(key) = Key::take(txn, &name)? {
        return show(txn, &name, &key, &[]);
    }
    // It was deleted since: whoever asks again makes it.
    let version = made.as_ref().ok_or_else(gone)?;
    key.add(txn, &name, version)?;
    show(txn, &name, &key, &[])
}

fn delete(_: &Ctx, which: Which, txn: &mut Txn) -> Result<Answer> {
    let name = which.name.checked()?;
    let refuse = |why| Failure::invalid(format!("error deleting policy {name}: {why}"));
    let key = Key::take(txn, &name)?.ok_or_else(|| refuse("could not delete key; not found"))?;
    if !key.deletion_allowed {
        return Err(refuse("deletion is not allowed for this key"));
    }
    key.delete(txn, &name)?;
    Ok(Answer::empty())
}

pub fn gone() -> Failure {
    Failure::Unavailable("the key was changed by another request meanwhile; try again".into())
}
