//! `destroy/:path`: removes the data of chosen versions for good.

use sdk::{Answer, Ctx, Input, Map, Path, Result, Txn, Value, Verb};

use crate::name::Location;
use crate::records::secret;
use crate::version_numbers::VersionNumbers;

pub fn path() -> Path {
    Path::new("destroy/:path*")
        .help(
            "Destroys versions of a secret.",
            "Their data are removed and cannot be brought back; the metadata keep a note of them.",
        )
        .txn(Verb::Write, write)
}

#[derive(Input)]
struct Write {
    /// The secret's name.
    path: Location,
    /// The numbers of the versions to destroy.
    versions: VersionNumbers,
    #[field(rest)]
    _unknown: Map<String, Value>,
}

fn write(_: &Ctx, write: Write, txn: &mut Txn) -> Result<Answer> {
    let numbers = write.versions.required("no version number provided")?;
    let Ok(name) = write.path.name() else { return Ok(Answer::empty()) };
    let Some(mut secret) = secret::get_for_update(txn, &name)? else { return Ok(Answer::empty()) };
    let mut changed = false;
    for number in numbers {
        if secret.destroy(number) {
            secret::delete_data(txn, &name, &mut secret, number);
            changed = true;
        }
    }
    if changed {
        secret::put(txn, &name, &secret)?;
    }
    Ok(Answer::empty())
}
