//! `:path` of version 1: a value of any form.

use std::time::Duration;

use sdk::{Answer, Ctx, Failure, FromField, Input, Map, Path, Reply, Result, Seconds, Txn, Value, Verb, View};

use crate::listing;
use crate::name::Location;
use crate::records::{Stored, value};

pub fn path() -> Path {
    Path::new(":path*")
        .help(
            "A secret: any JSON object.",
            "A write replaces the whole object. A field `ttl` (or `lease`) in it is kept as any other and comes back as \
             the lease duration of reads: the writer's hint when to read again. Nothing expires by it.",
        )
        .exists(exists)
        .view(Verb::Read, read)
        .txn(Verb::Write, write)
        .txn(Verb::Delete, delete)
        .view(Verb::List, list)
        .view(Verb::Scan, scan)
}

#[derive(Input)]
struct At {
    /// The secret's name, which may have slashes; in a listing, the folder.
    path: Location,
}

#[derive(Input)]
struct Write {
    /// The secret's name, which may have slashes.
    path: Location,
    #[field(rest)]
    data: Map<String, Value>,
}

#[derive(Input)]
struct Delete {
    /// The secret's name.
    path: Location,
    #[field(rest)]
    _unknown: Map<String, Value>,
}

fn exists(_: &Ctx, at: Delete, view: &View) -> Result<bool> {
    match at.path.name() {
        Ok(name) => value::exists(view, &name),
        Err(_) => Ok(false),
    }
}

fn read(ctx: &Ctx, at: At, view: &View) -> Result<Reply<Map<String, Value>>> {
    let stored = value::get(view, &at.path.name()?)?.ok_or(Failure::NotFound)?;
    let seconds = hinted_ttl(&stored.data).unwrap_or(ctx.mount.default_lease_ttl).as_secs();
    Ok(Reply::data(stored.data)?.lease_seconds(seconds))
}

fn write(ctx: &Ctx, write: Write, txn: &mut Txn) -> Result<Answer> {
    let name = write.path.name_to_write()?;
    if write.data.is_empty() {
        return Err(Failure::invalid("missing data fields"));
    }
    value::put(txn, &name, &Stored { written: ctx.now, data: write.data })?;
    Ok(Answer::empty())
}

fn delete(_: &Ctx, at: Delete, txn: &mut Txn) -> Result<Answer> {
    if let Ok(name) = at.path.name() {
        value::delete(txn, &name);
    }
    Ok(Answer::empty())
}

fn list(_: &Ctx, at: At, view: &View) -> Result<Answer> {
    Answer::keys(value::list(view, &at.path.folder()?)?)
}

fn scan(_: &Ctx, at: At, view: &View) -> Result<Answer> {
    Answer::keys(listing::scan(&at.path.folder()?, |folder| value::list(view, folder))?)
}

/// A hint that is no duration is no hint.
fn hinted_ttl(data: &Map<String, Value>) -> Option<Duration> {
    let hint = data.get("ttl").or_else(|| data.get("lease"))?;
    Seconds::from_field(hint).ok().map(|seconds| seconds.0)
}
