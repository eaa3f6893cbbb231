//! `keys/:name/rotate`: one version more.

use sdk::{Ctx, Failure, Input, Name, Path, Reply, Result, Txn, Verb, View, Work};

use crate::kind::Kind;
use crate::material;
use crate::record::{Key, Version};
use crate::show::{Shown, show};

#[derive(Input)]
struct Which {
    /// The key's name.
    name: Name,
}

pub fn path() -> Path {
    Path::new("keys/:name/rotate")
        .ids([(Verb::Write, "transit-rotate-key")])
        .help("Rotates a key.", "The new version encrypts and signs; the others go on decrypting and verifying.")
        .slow(Verb::Write, prepare, rotate)
}

fn check(name: &str, key: Option<Key>) -> Result<Key> {
    let key = key.ok_or_else(|| Failure::invalid("key not found"))?;
    key.usable()?;
    if key.imported && !key.rotation_allowed {
        return Err(Failure::invalid(format!("imported key {name} does not allow rotation within the server")));
    }
    Ok(key)
}

fn prepare(ctx: &Ctx, which: Which, view: &View) -> Result<Work<(Kind, Version)>> {
    let name = which.name.checked()?;
    let key = check(&name, Key::get(view, &name)?)?;
    let (kind, size, now) = (key.kind, key.size, ctx.now);
    Ok(match kind.is_rsa() {
        true => Work::Slow(Box::new(move || Ok((kind, material::generate(kind, size, now)?)))),
        false => Work::Done((kind, material::generate(kind, size, now)?)),
    })
}

fn rotate(_: &Ctx, which: Which, made: &(Kind, Version), txn: &mut Txn) -> Result<Reply<Shown>> {
    let name = which.name.checked()?;
    let mut key = check(&name, Key::take(txn, &name)?)?;
    if key.kind != made.0 {
        return Err(super::key::gone());
    }
    key.rotate(txn, &name, &made.1)?;
    show(txn, &name, &key, &[])
}
