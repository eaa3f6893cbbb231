//! `restore` and `restore/:name`: a key from its backup, under its own name or another.

use sdk::{Answer, Ctx, Failure, Input, Path, Result, Txn, Verb};
use zeroize::Zeroizing;

use super::backup::{Backup, FORMAT};
use crate::material::{Material, Ready};
use crate::record::{Key, Told};
use crate::{import, wire};

#[derive(Input)]
struct Restore {
    /// What `backup/:name` gave.
    backup: String,
    /// Another name for the key.
    name: String,
    /// Replaces a key of this name.
    force: bool,
}

pub fn paths() -> Vec<Path> {
    let path = |pattern, id| {
        let path = Path::new(pattern).ids([(Verb::Write, id)]);
        path.help("Restores a key from its backup.", "As it was then.").txn(Verb::Write, restore)
    };
    vec![path("restore", "transit-restore-key"), path("restore/:name+", "transit-restore-and-rename-key")]
}

fn restore(ctx: &Ctx, input: Restore, txn: &mut Txn) -> Result<Answer> {
    if input.backup.is_empty() {
        return Err(Failure::invalid("'backup' must be supplied"));
    }
    if input.name.contains('/') {
        return Err(Failure::invalid("key names cannot be paths"));
    }
    let text = Zeroizing::new(wire::decode(&input.backup).map_err(Failure::invalid)?);
    let unreadable = || Failure::invalid("the backup is not one that this server made");
    let Backup { format, name: own, mut key, versions } = serde_json::from_slice(&text).map_err(|_| unreadable())?;
    let name = if input.name.is_empty() { own } else { input.name };
    let whole = (key.min_available.max(1)..=key.latest).eq(versions.keys().copied());
    let numbered =
        whole && key.latest != 0 && key.min_decryption >= key.min_available && key.min_encryption <= key.latest;
    if format != FORMAT
        || !sdk::is_name(&name, &[])
        || !numbered
        || key.min_decryption > key.latest
        || !key.could_be_made()
    {
        return Err(unreadable());
    }
    for version in versions.values() {
        let ready = Ready::of(&key, version).map_err(|_| unreadable())?;
        let fits = match &ready.material {
            Material::Bytes(bytes) => import::has_size(key.kind, bytes.expose().len()),
            Material::Pair(pair) => key.kind.pair() == Some(pair.public().kind()),
            Material::Public(public) => key.kind.pair() == Some(public.kind()),
        };
        if !fits {
            return Err(unreadable());
        }
    }
    if let Some(known) = Key::take(txn, &name)? {
        if !input.force {
            return Err(Failure::invalid(format!("key {name:?} already exists")));
        }
        known.delete(txn, &name)?;
    }
    for (number, version) in &versions {
        version.put(txn, &name, *number)?;
    }
    key.due = None;
    key.restored = Some(Told { time: ctx.now, version: key.latest });
    key.put(txn, &name)?;
    Ok(Answer::empty())
}
