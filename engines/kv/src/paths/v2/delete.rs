//! `delete/:path`: marks chosen versions as deleted.

use sdk::{Answer, Ctx, Input, Map, Path, Result, Txn, Value, Verb};

use crate::name::{Location, Name};
use crate::records::{Secret, secret};
use crate::version_numbers::VersionNumbers;

pub fn path() -> Path {
    Path::new("delete/:path*")
        .help(
            "Deletes versions of a secret.",
            "They can no longer be read, but their data stay: `undelete` brings them back. Numbers that the secret has \
             no version for are passed over.",
        )
        .txn(Verb::Write, write)
}

#[derive(Input)]
struct Write {
    /// The secret's name.
    path: Location,
    /// The numbers of the versions to delete.
    versions: VersionNumbers,
    #[field(rest)]
    _unknown: Map<String, Value>,
}

fn write(ctx: &Ctx, write: Write, txn: &mut Txn) -> Result<Answer> {
    let numbers = write.versions.required("No version number provided")?;
    let Ok(name) = write.path.name() else { return Ok(Answer::empty()) };
    versions(ctx, txn, &name, |_| numbers)
}

/// Deletes the chosen versions of a secret that may not be there.
pub(super) fn versions(
    ctx: &Ctx,
    txn: &mut Txn,
    name: &Name,
    choose: impl FnOnce(&Secret) -> Vec<u64>,
) -> Result<Answer> {
    let Some(before) = secret::get_for_update(txn, name)? else { return Ok(Answer::empty()) };
    let mut secret = before.clone();
    for number in choose(&before) {
        secret.delete(number, ctx.now);
    }
    if secret != before {
        secret::put(txn, name, &secret)?;
    }
    Ok(Answer::empty())
}
