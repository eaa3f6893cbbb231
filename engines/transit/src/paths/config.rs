//! `keys/:name/config`: what may be changed about a key.

use sdk::{Ctx, Failure, Input, Name, Path, Reply, Result, Seconds, Txn, Verb};

use crate::record::Key;
use crate::rotation;
use crate::show::{Shown, show};

#[derive(Input)]
struct Config {
    /// The key's name.
    name: Name,
    /// The oldest version that decrypts and verifies.
    min_decryption_version: Option<i64>,
    /// The oldest version that encrypts and signs; 0 leaves it open.
    min_encryption_version: Option<i64>,
    /// Whether the key may be deleted.
    deletion_allowed: Option<bool>,
    /// Lets the key be exported; this stays so.
    exportable: Option<bool>,
    /// Lets the key be backed up in the clear; this stays so.
    allow_plaintext_backup: Option<bool>,
    /// After how long the key is rotated by itself: 0, or an hour at least.
    auto_rotate_period: Option<Seconds>,
}

pub fn path() -> Path {
    Path::new("keys/:name/config")
        .ids([(Verb::Write, "transit-configure-key")])
        .help("Changes a key's settings.", "What is not given stays.")
        .txn(Verb::Write, write)
}

fn write(_: &Ctx, input: Config, txn: &mut Txn) -> Result<Reply<Shown>> {
    let name = input.name.checked()?;
    let missing = || Failure::invalid(format!("no existing key named {name} could be found"));
    let mut key = Key::take(txn, &name)?.ok_or_else(missing)?;
    let mut warning = None;
    if let Some(given) = input.min_decryption_version {
        if given == 0 {
            warning = Some("versions are counted from 1; min_decryption_version is 1");
        }
        key.min_decryption = limit("decryption", given, key.latest)?.max(1);
    }
    if let Some(given) = input.min_encryption_version {
        key.min_encryption = limit("encryption", given, key.latest)?;
    }
    if key.min_encryption > 0 && key.min_encryption < key.min_decryption {
        return Err(Failure::invalid(format!(
            "cannot set min encryption/decryption values; min encryption version of {} must be greater than or equal to \
             min decryption version of {}",
            key.min_encryption, key.min_decryption
        )));
    }
    if key.min_available > key.min_encryption {
        return Err(Failure::invalid("min encryption version should not be less than min available version"));
    }
    if key.min_available > key.min_decryption {
        return Err(Failure::invalid("min decryption version should not be less then min available version"));
    }
    if let Some(Seconds(span)) = input.auto_rotate_period {
        key.auto_rotate = span.as_secs();
        if !rotation::may_be(key.auto_rotate) {
            return Err(rotation::too_often());
        }
    }
    key.deletion_allowed = input.deletion_allowed.unwrap_or(key.deletion_allowed);
    key.exportable |= input.exportable.unwrap_or_default();
    key.plaintext_backup |= input.allow_plaintext_backup.unwrap_or_default();
    key.put(txn, &name)?;
    let answer = show(txn, &name, &key, &[])?;
    Ok(match warning {
        Some(text) => answer.warn(text),
        None => answer,
    })
}

fn limit(what: &str, given: i64, latest: u64) -> Result<u64> {
    let given = u64::try_from(given).map_err(|_| Failure::invalid(format!("min {what} version cannot be negative")))?;
    if given > latest {
        let text = format!("cannot set min {what} version of {given}, latest key version is {latest}");
        return Err(Failure::invalid(text));
    }
    Ok(given)
}
