//! `move/:path`: gives a secret another name, or another mount, with its history.

use schemars::JsonSchema;
use sdk::{Ctx, Failure, FromField, Input, Map, Path, Reply, Result, Right, Touches, Txn, Value, Verb};
use serde::Serialize;

use crate::cas;
use crate::name::{Location, Name};
use crate::plugin::{TYPES, keeps_versions};
use crate::records::{Secret, secret, settings};

pub fn path() -> Path {
    Path::new("move/:path*")
        .help(
            "Moves a secret.",
            "Its versions and its metadata come along, and nothing of it is left behind: both happen in one write. The \
             caller must be allowed to read and delete it where it is, data and metadata, and to create them where it \
             goes; with `replace`, to update the data and delete the metadata there as well.",
        )
        .touches(touches)
        .txn(Verb::Write, run)
}

#[derive(Input)]
struct Move {
    /// The secret's name, which may have slashes.
    path: Location,
    /// The name that it is to have.
    #[field(required)]
    to: Location,
    /// The mount that it is to go to, of kv version 2. This one if it is left out.
    to_mount: MountPath,
    /// Whether a secret that has the name already is removed first. Otherwise the move is refused.
    replace: bool,
    /// `cas`: the number of the secret's current version. `to_cas`: that of the secret to be replaced.
    options: Map<String, Value>,
}

/// Where it is now.
#[derive(Serialize, JsonSchema)]
struct Moved {
    mount: String,
    path: String,
    current_version: u64,
}

/// With a slash at its end; empty if it is left out.
#[derive(Default)]
struct MountPath(String);

impl FromField for MountPath {
    const KIND: &'static str = "string";

    fn from_field(value: &Value) -> Result<Self, String> {
        let text = String::from_field(value)?;
        let path = text.trim_matches('/');
        Ok(Self(if path.is_empty() { String::new() } else { format!("{path}/") }))
    }
}

fn touches(input: Move) -> Result<Touches> {
    let (from, to) = (named(&input.path)?, named(&input.to)?);
    let both = |right, name: &Name| ["data", "metadata"].map(|part| (right, format!("{part}/{}", name.as_str())));
    let mut there = both(Right::Create, &to).to_vec();
    if input.replace {
        there.push((Right::Update, format!("data/{}", to.as_str())));
        there.push((Right::Delete, format!("metadata/{}", to.as_str())));
    }
    let here = [both(Right::Read, &from), both(Right::Delete, &from)].concat();
    Ok(Touches { other: Some(input.to_mount.0).filter(|path| !path.is_empty()), here, there })
}

fn named(location: &Location) -> Result<Name> {
    location
        .as_name()
        .ok_or_else(|| Failure::invalid(format!("the path and `to` must each name a secret. {NO_FOLDER}")))
}

const NO_FOLDER: &str =
    "A folder does not move as a whole: move its secrets one by one, or several of them in one sys/batch";

fn run(ctx: &Ctx, input: Move, txn: &mut Txn) -> Result<Reply<Moved>> {
    let (from, to) = (named(&input.path)?, named(&input.to)?);
    let elsewhere = !input.to_mount.0.is_empty() && input.to_mount.0 != ctx.mount.path;
    let other = match ctx.other.filter(|_| elsewhere) {
        Some(other) if TYPES.contains(&other.mount.kind.as_str()) && keeps_versions(&other.mount) => Some(other),
        None if !elsewhere => None,
        _ => return Err(Failure::invalid(format!("there is no kv mount of version 2 at {:?}", input.to_mount.0))),
    };
    if other.is_none() && from == to {
        return Err(Failure::invalid("the secret has this name already"));
    }
    let Some(found) = secret::get_for_update(txn, &from)? else {
        let folder = secret::is_folder(txn, &from)?;
        return Err(if folder {
            Failure::invalid(format!("this is a folder. {NO_FOLDER}"))
        } else {
            Failure::NotFound
        });
    };
    let required = settings::get(txn)?.cas_required || found.cas_required;
    cas::check_data(&input.options, required, found.current)?;
    let stored = secret::stored_data(txn, &from, &found)?;
    match other {
        None => put(txn, &to, &found, &stored, &input)?,
        Some(other) => put(&mut other.of(txn), &to, &found, &stored, &input)?,
    }
    secret::delete(txn, &from, &found);
    let mount = other.map_or(ctx.mount, |other| &other.mount).path.clone();
    Reply::data(Moved { mount, path: to.as_str().to_owned(), current_version: found.current })
}

/// `txn` is where the secret goes.
fn put(txn: &mut Txn, to: &Name, moved: &Secret, stored: &[(u64, Vec<u8>)], input: &Move) -> Result<()> {
    if let Some(there) = secret::get_for_update(txn, to)? {
        if !input.replace {
            let text = "there is a secret of this name already; with `replace` it is removed first";
            return Err(Failure::invalid(text));
        }
        let required = settings::get(txn)?.cas_required || there.cas_required;
        let options = input.options.get("to_cas").map(|cas| ("cas".to_owned(), cas.clone())).into_iter().collect();
        cas::check_data(&options, required, there.current).map_err(|failure| {
            Failure::Invalid(format!("of the secret to be replaced: {failure}; it is said as to_cas"))
        })?;
        secret::delete(txn, to, &there);
    }
    for (number, bytes) in stored {
        secret::put_stored_data(txn, to, *number, bytes);
    }
    secret::put(txn, to, &Secret { adopted: false, ..moved.clone() })
}
