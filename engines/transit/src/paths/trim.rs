//! `keys/:name/trim`: deletes old versions for good.

use sdk::{Ctx, Failure, Input, Name, Path, Reply, Result, Txn, Verb};

use crate::record::{self, Key};
use crate::show::{Shown, show};

#[derive(Input)]
struct Trim {
    /// The key's name.
    name: Name,
    /// The oldest version that is kept; at most the smaller of the key's two limits.
    min_available_version: Option<i64>,
}

pub fn path() -> Path {
    Path::new("keys/:name/trim")
        .ids([(Verb::Write, "transit-trim-key")])
        .help("Deletes old versions of a key.", "They are gone.")
        .txn(Verb::Write, trim)
}

fn trim(_: &Ctx, input: Trim, txn: &mut Txn) -> Result<Reply<Shown>> {
    let name = input.name.checked()?;
    let mut key = Key::take(txn, &name)?.ok_or_else(|| Failure::invalid("invalid key name"))?;
    let given = input.min_available_version.ok_or_else(|| Failure::invalid("missing min_available_version"))?;
    let refuse = |why: &str| Err(Failure::invalid(format!("minimum available version {why}")));
    let Some(given) = u64::try_from(given).ok().filter(|given| *given >= key.min_available) else {
        return refuse("cannot be decremented");
    };
    if key.min_encryption == 0 {
        return refuse("cannot be set when minimum encryption version is not set");
    }
    if given > key.min_encryption {
        return refuse("cannot be greater than minmum encryption version");
    }
    if given > key.min_decryption {
        return refuse("cannot be greater than minimum decryption version");
    }
    if given == 0 {
        return refuse("should be positive");
    }
    for number in key.min_available.max(1)..given {
        txn.delete(&record::version_at(&name, number));
    }
    key.min_available = given;
    key.put(txn, &name)?;
    show(txn, &name, &key, &[])
}
