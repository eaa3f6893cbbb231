//! Keys that rotate by themselves: an index in the order of time, which [`Key::put`] keeps.

use sdk::{Chore, Failure, Finish, Key as Path, Millis, Read, Result, Txn, View};
use serde::{Deserialize, Serialize};

use crate::kind::Kind;
use crate::material;
use crate::record::{Key, Version};

#[derive(Serialize, Deserialize)]
struct Next {
    at: Millis,
    name: String,
}

/// Seconds.
const PERIOD_MIN: u64 = 3600;

/// Whether a key may rotate after so many seconds; 0 is never.
pub fn may_be(seconds: u64) -> bool {
    seconds == 0 || seconds >= PERIOD_MIN
}

pub fn too_often() -> Failure {
    Failure::invalid("auto rotate period must be 0 to disable or at least an hour")
}

fn folder() -> Path {
    Path::kind("rotate")
}

fn at(time: Millis, name: &str) -> Path {
    folder().number(time.0).name(name)
}

/// Brings the index from what it says of a key to what it is to say.
pub fn reschedule(txn: &mut Txn, name: &str, from: Option<Millis>, to: Option<Millis>) -> Result<()> {
    if from == to {
        return Ok(());
    }
    if let Some(time) = from {
        txn.delete(&at(time, name));
    }
    if let Some(time) = to {
        txn.put(&at(time, name), &Next { at: time, name: name.to_owned() })?;
    }
    Ok(())
}

/// The rotation that has waited longest, if one is due.
pub fn due(view: &View, now: Millis) -> Result<Option<Chore>> {
    let Some(first) = view.range(&folder(), None, 1)?.pop() else { return Ok(None) };
    let Some(next) = view.get::<Next>(&first)?.filter(|next| next.at <= now) else { return Ok(None) };
    let Some(key) = Key::get(view, &next.name)? else { return Ok(None) };
    let (kind, size) = (key.kind, key.size);
    Ok(Some(Box::new(move || {
        let version = material::generate(kind, size, now)?;
        Ok(Box::new(move |txn: &mut Txn| rotate(txn, &next, kind, &version)) as Finish)
    })))
}

fn rotate(txn: &mut Txn, next: &Next, kind: Kind, version: &Version) -> Result<()> {
    let key = Key::take(txn, &next.name)?;
    // Somebody has changed it meanwhile, and the index with it.
    let Some(mut key) = key.filter(|key| key.kind == kind && key.due == Some(next.at)) else { return Ok(()) };
    key.rotate(txn, &next.name, version)
}
