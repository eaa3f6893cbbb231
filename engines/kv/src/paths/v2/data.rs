//! `data/:path`: a secret's versions.

use schemars::JsonSchema;
use sdk::{Answer, Body, Ctx, Failure, Input, Map, Outcome, Output, Path, Reply, Result, Txn, Value, Verb, View};
use serde::Serialize;

use crate::data::Data;
use crate::name::{Location, Name};
use crate::records::{Secret, Settings, secret, settings};
use crate::secret::VersionMetadata;
use crate::{cas, merge};

#[derive(Serialize, JsonSchema)]
struct Shown {
    /// Null where the version cannot be read any more, or was written so.
    data: Option<Map<String, Value>>,
    metadata: VersionMetadata,
}

pub fn path() -> Path {
    Path::new("data/:path*")
        .help(
            "A secret and its versions.",
            "Each write makes a new version and leaves the older ones. A patch merges into the current version and \
             makes a new one of the result. A read answers the current version or the one asked for. A delete marks \
             the current version, which can be undone.",
        )
        .answers(Verb::Patch, Outcome::data::<VersionMetadata>())
        .exists(exists)
        .view(Verb::Read, read)
        .txn(Verb::Write, write)
        .txn(Verb::Patch, patch)
        .txn(Verb::Delete, delete)
}

#[derive(Input)]
struct Read {
    /// The secret's name, which may have slashes.
    path: Location,
    /// The version to read; the current one if it is left out or 0.
    version: i64,
}

#[derive(Input)]
struct Write {
    /// The secret's name, which may have slashes.
    path: Location,
    /// The secret: an object. Of a patch: what changes, with null for what is to go.
    data: Option<Data>,
    /// `cas`: the number of the version that this one is to follow, 0 for "none yet".
    options: Map<String, Value>,
}

#[derive(Input)]
pub(super) struct At {
    /// The secret's name, which may have slashes.
    pub path: Location,
    #[field(rest)]
    _unknown: Map<String, Value>,
}

pub(super) fn exists(_: &Ctx, at: At, view: &View) -> Result<bool> {
    match at.path.name() {
        Ok(name) => Ok(secret::get(view, &name)?.is_some()),
        Err(_) => Ok(false),
    }
}

fn read(ctx: &Ctx, read: Read, view: &View) -> Result<Reply<Shown>> {
    let name = read.path.name()?;
    let secret = secret::get(view, &name)?.ok_or(Failure::NotFound)?;
    let (number, version) = secret.version(read.version).ok_or(Failure::NotFound)?;
    let metadata = secret.describe_version(number, version);
    if !version.readable(ctx.now) {
        return Ok(Reply::data(Shown { data: None, metadata })?.with(|answer| answer.status(404)));
    }
    let data = secret::data(view, &name, &secret, number)?;
    Reply::data(Shown { data, metadata })
}

fn write(ctx: &Ctx, write: Write, txn: &mut Txn) -> Result<Reply<VersionMetadata>> {
    let name = write.path.name_to_write()?;
    let Data(data) = write.data.ok_or_else(no_data)?;
    let settings = settings::get(txn)?;
    let mut secret = secret::get_for_update(txn, &name)?.unwrap_or_else(|| Secret::new(ctx.now));
    cas::check_data(&write.options, settings.cas_required || secret.cas_required, secret.current)?;
    put_next(ctx, txn, &name, &mut secret, &settings, data)
}

fn patch(ctx: &Ctx, patch: Write, txn: &mut Txn) -> Result<Answer> {
    ctx.check_merge_patch()?;
    let name = patch.path.name_to_write()?;
    let Data(changes) = patch.data.ok_or_else(no_data)?;
    let Some(mut secret) = secret::get_for_update(txn, &name)? else { return Ok(nothing_to_patch()) };
    let settings = settings::get(txn)?;
    cas::check_data(&patch.options, settings.cas_required || secret.cas_required, secret.current)?;
    let Some((number, version)) = secret.version(0) else { return Ok(nothing_to_patch()) };
    if !version.readable(ctx.now) {
        return Ok(Reply::data(secret.describe_version(number, version))?.into_answer().status(404));
    }
    let mut data = secret::data(txn, &name, &secret, number)?.unwrap_or_default();
    merge::apply(&mut data, changes.unwrap_or_default());
    put_next(ctx, txn, &name, &mut secret, &settings, Some(data)).map(Output::into_answer)
}

fn delete(ctx: &Ctx, at: At, txn: &mut Txn) -> Result<Answer> {
    let Ok(name) = at.path.name() else { return Ok(Answer::empty()) };
    super::delete::versions(ctx, txn, &name, |secret| vec![secret.current])
}

fn put_next(
    ctx: &Ctx,
    txn: &mut Txn,
    name: &Name,
    secret: &mut Secret,
    settings: &Settings,
    data: Option<Map<String, Value>>,
) -> Result<Reply<VersionMetadata>> {
    for number in secret.add_version(settings, ctx.now) {
        secret::delete_data(txn, name, secret, number);
    }
    secret::put_data(txn, name, secret.current, data)?;
    secret::put(txn, name, secret)?;
    let version = &secret.versions[&secret.current];
    Reply::data(secret.describe_version(secret.current, version))
}

fn no_data() -> Failure {
    Failure::invalid("no data provided")
}

/// 404 without a body, which is how the wire answers a patch of what is not there.
pub(super) fn nothing_to_patch() -> Answer {
    Answer { body: Body::Raw { content_type: "application/json", bytes: Vec::new() }, ..Answer::empty() }.status(404)
}
