//! `undelete/:path`: brings deleted versions back.

use sdk::{Answer, Ctx, Input, Map, Path, Result, Txn, Value, Verb};

use crate::name::Location;
use crate::records::{secret, settings};
use crate::version_numbers::VersionNumbers;

pub fn path() -> Path {
    Path::new("undelete/:path*")
        .help(
            "Brings deleted versions of a secret back.",
            "Their `delete_version_after` begins anew. A destroyed version stays destroyed.",
        )
        .txn(Verb::Write, write)
}

#[derive(Input)]
struct Write {
    /// The secret's name.
    path: Location,
    /// The numbers of the versions to bring back.
    versions: VersionNumbers,
    #[field(rest)]
    _unknown: Map<String, Value>,
}

fn write(ctx: &Ctx, write: Write, txn: &mut Txn) -> Result<Answer> {
    let numbers = write.versions.required("No version number provided")?;
    let Ok(name) = write.path.name() else { return Ok(Answer::empty()) };
    let settings = settings::get(txn)?;
    let Some(before) = secret::get_for_update(txn, &name)? else { return Ok(Answer::empty()) };
    let mut secret = before.clone();
    for number in numbers {
        secret.undelete(number, &settings, ctx.now);
    }
    if secret != before {
        secret::put(txn, &name, &secret)?;
    }
    Ok(Answer::empty())
}
