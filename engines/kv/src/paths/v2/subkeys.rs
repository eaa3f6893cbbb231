//! `subkeys/:path`: a secret's shape without its values.

use schemars::JsonSchema;
use sdk::{Ctx, Failure, Input, Map, Path, Reply, Result, Value, Verb, View};
use serde::Serialize;

use crate::name::Location;
use crate::records::secret;
use crate::secret::VersionMetadata;
use crate::shape;

#[derive(Serialize, JsonSchema)]
struct Shown {
    metadata: VersionMetadata,
    /// Null where the version cannot be read any more.
    subkeys: Option<Map<String, Value>>,
}

pub fn path() -> Path {
    Path::new("subkeys/:path*")
        .help(
            "A secret's shape.",
            "The keys of a version with null in the place of every value, for those who may know what a secret is made \
             of but not what it says.",
        )
        .view(Verb::Read, read)
}

#[derive(Input)]
struct Read {
    /// The secret's name, which may have slashes.
    path: Location,
    /// How many levels to show; what lies deeper counts as a value. 0 shows all.
    depth: i64,
    /// The version to show; the current one if it is left out or 0.
    version: i64,
}

fn read(ctx: &Ctx, read: Read, view: &View) -> Result<Reply<Shown>> {
    let name = read.path.name()?;
    let secret = secret::get(view, &name)?.ok_or(Failure::NotFound)?;
    let (number, version) = secret.version(read.version).ok_or(Failure::NotFound)?;
    let metadata = secret.describe_version(number, version);
    if !version.readable(ctx.now) {
        return Ok(Reply::data(Shown { metadata, subkeys: None })?.with(|answer| answer.status(404)));
    }
    let subkeys = secret::data(view, &name, &secret, number)?.map(|data| shape::of(data, read.depth));
    Reply::data(Shown { metadata, subkeys })
}
