//! `metadata/:path`: a secret's settings and history, the listing of secrets, and the removal of one.

use sdk::{Answer, Ctx, Failure, Input, Map, Page, Path, Reply, Result, Seconds, Txn, Value, Verb, View};

use super::data::{At, exists, nothing_to_patch};
use crate::name::Location;
use crate::records::{Secret, secret, settings};
use crate::secret::Metadata;
use crate::settings::max_versions;
use crate::{cas, custom_metadata, listing};

pub fn path() -> Path {
    Path::new("metadata/:path*")
        .help(
            "A secret's settings and history.",
            "A write changes the settings it names and may come before the first version. A delete removes the secret, \
             all its versions and this. A list shows one folder, a scan everything below it.",
        )
        .exists(exists)
        .view(Verb::Read, read)
        .txn(Verb::Write, write)
        .txn(Verb::Patch, patch)
        .txn(Verb::Delete, delete)
        .view(Verb::List, list)
        .view(Verb::Scan, scan)
}

#[derive(Input)]
struct Read {
    /// The secret's name, which may have slashes.
    path: Location,
}

#[derive(Input)]
struct Change {
    /// The secret's name, which may have slashes.
    path: Location,
    /// How many versions are kept. The larger of this and the mount's number counts; 0 leaves it to the mount.
    max_versions: Option<i64>,
    /// Every write of data must say, as `cas`, which version it follows. If false, the mount's setting counts.
    cas_required: Option<bool>,
    /// Every change of this metadata must say, as `metadata_cas`, which metadata version it follows. If false, the
    /// mount's setting counts.
    metadata_cas_required: Option<bool>,
    /// How long a new version can be read before it counts as deleted. The shorter of this and the mount's time
    /// counts; 0 leaves it to the mount. It cannot be negative.
    delete_version_after: Option<Seconds>,
    /// Texts by name that describe the secret: at most 64, names up to 128 bytes, texts up to 512. A write replaces
    /// all of them; a patch those it names, with null for what is to go.
    custom_metadata: Option<Map<String, Value>>,
    /// The number of the metadata version that this change follows, 0 for "none yet".
    metadata_cas: Option<i64>,
    #[field(rest)]
    fields: Map<String, Value>,
}

#[derive(Input)]
pub(super) struct List {
    /// The folder to list.
    pub path: Location,
    #[field(flatten)]
    pub page: Page,
}

fn read(_: &Ctx, read: Read, view: &View) -> Result<Reply<Metadata>> {
    let secret = secret::get(view, &read.path.name()?)?.ok_or(Failure::NotFound)?;
    Reply::data(secret.describe())
}

fn write(ctx: &Ctx, change: Change, txn: &mut Txn) -> Result<Answer> {
    let name = change.path.name_to_write()?;
    if change.is_empty() {
        return Ok(Answer::empty());
    }
    let custom = change.custom_metadata.as_ref().map(custom_metadata::parse).transpose()?;
    let settings = settings::get(txn)?;
    let found = secret::get_for_update(txn, &name)?;
    let required = settings.metadata_cas_required || found.as_ref().is_some_and(|s| s.metadata_cas_required);
    cas::check_metadata(change.metadata_cas, required, found.as_ref().map(|s| s.edition))?;

    let mut secret = found.unwrap_or_else(|| Secret::new(ctx.now));
    change.apply(ctx, &mut secret);
    if let Some(custom) = custom {
        secret.custom = custom;
    }
    secret::put(txn, &name, &secret)?;
    Ok(Answer { warnings: settings.overrule(change.cas_required, change.metadata_cas_required), ..Answer::empty() })
}

fn patch(ctx: &Ctx, change: Change, txn: &mut Txn) -> Result<Answer> {
    ctx.check_merge_patch()?;
    if change.is_empty() {
        return Ok(Answer::empty());
    }
    let name = change.path.name_to_write()?;
    let found = secret::get_for_update(txn, &name)?;
    let before = found.as_ref().map(|s| s.custom.clone()).unwrap_or_default();
    let custom = match (&change.custom_metadata, change.fields.get("custom_metadata")) {
        (Some(_), Some(Value::Null)) => Default::default(),
        (Some(changes), _) => custom_metadata::patch(before, changes)?,
        (None, _) => before,
    };
    let Some(mut secret) = found else { return Ok(nothing_to_patch()) };
    let settings = settings::get(txn)?;
    let required = settings.metadata_cas_required || secret.metadata_cas_required;
    cas::check_metadata(change.metadata_cas, required, Some(secret.edition))?;

    change.apply(ctx, &mut secret);
    secret.custom = custom;
    secret::put(txn, &name, &secret)?;
    Ok(Answer { warnings: settings.overrule(change.cas_required, change.metadata_cas_required), ..Answer::empty() })
}

fn delete(_: &Ctx, at: At, txn: &mut Txn) -> Result<Answer> {
    let Ok(name) = at.path.name() else { return Ok(Answer::empty()) };
    if let Some(secret) = secret::get_for_update(txn, &name)? {
        secret::delete(txn, &name, &secret);
    }
    Ok(Answer::empty())
}

fn list(_: &Ctx, list: List, view: &View) -> Result<Answer> {
    Answer::keys(secret::page(view, &list.path.folder()?, &list.page)?)
}

fn scan(_: &Ctx, list: List, view: &View) -> Result<Answer> {
    Answer::keys(listing::scan(&list.path.folder()?, |folder| secret::list(view, folder))?)
}

impl Change {
    /// Names no setting, so that there is nothing to do.
    fn is_empty(&self) -> bool {
        self.max_versions.is_none()
            && self.cas_required.is_none()
            && self.metadata_cas_required.is_none()
            && self.delete_version_after.is_none()
            && self.custom_metadata.is_none()
    }

    /// All but the custom metadata, which a write and a patch take differently.
    fn apply(&self, ctx: &Ctx, secret: &mut Secret) {
        secret.edition += 1;
        secret.updated = ctx.now;
        if let Some(max) = self.max_versions {
            secret.max_versions = max_versions(max);
        }
        if let Some(required) = self.cas_required {
            secret.cas_required = required;
        }
        if let Some(required) = self.metadata_cas_required {
            secret.metadata_cas_required = required;
        }
        if let Some(Seconds(span)) = self.delete_version_after {
            secret.delete_version_after = span.as_secs();
        }
    }
}
