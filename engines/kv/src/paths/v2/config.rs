//! `config`: settings of the mount.

use sdk::{Answer, Ctx, Input, Map, Path, Reply, Result, SignedSeconds, Txn, Value, Verb, View, duration::SECOND};

use crate::records::settings;
use crate::settings::{Shown, max_versions};

pub fn path() -> Path {
    Path::new("config")
        .help(
            "Settings of the mount.",
            "They hold for every secret; a secret's own settings can be stricter. A write changes the fields it has and \
             leaves the others.",
        )
        .view(Verb::Read, read)
        .txn(Verb::Write, write)
}

#[derive(Input)]
struct Read {}

#[derive(Input)]
struct Write {
    /// How many versions of a secret are kept; 0 means 10. The larger of this and the secret's own number counts.
    max_versions: Option<i64>,
    /// Every write of data must say, as `cas`, which version it follows.
    cas_required: Option<bool>,
    /// Every change of metadata must say, as `metadata_cas`, which metadata version it follows.
    metadata_cas_required: Option<bool>,
    /// How long a version can be read before it counts as deleted. 0 sets no time; a negative one switches it off for
    /// every secret, whatever its own settings say.
    delete_version_after: Option<SignedSeconds>,
    #[field(rest)]
    _unknown: Map<String, Value>,
}

fn read(_: &Ctx, _: Read, view: &View) -> Result<Reply<Shown>> {
    Reply::data(settings::get(view)?.describe())
}

fn write(_: &Ctx, write: Write, txn: &mut Txn) -> Result<Answer> {
    let Write { max_versions: max, cas_required, metadata_cas_required, delete_version_after, _unknown } = write;
    if max.is_none() && cas_required.is_none() && metadata_cas_required.is_none() && delete_version_after.is_none() {
        return Ok(Answer::empty());
    }
    let mut settings = settings::get_for_update(txn)?;
    if let Some(max) = max {
        settings.max_versions = max_versions(max);
    }
    if let Some(required) = cas_required {
        settings.cas_required = required;
    }
    if let Some(required) = metadata_cas_required {
        settings.metadata_cas_required = required;
    }
    if let Some(SignedSeconds(nanos)) = delete_version_after {
        // Whole seconds, cut; a field's nanoseconds fit 64 bits.
        settings.delete_version_after = i64::try_from(nanos / SECOND).unwrap_or(i64::MAX).max(-1);
    }
    settings::put(txn, &settings)?;
    Ok(Answer::empty())
}
