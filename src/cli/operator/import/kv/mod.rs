//! Key-value engines, of either version. Folders are walked through; of secrets a few are carried over at the same time, each
//! by itself, so that no more is in memory than theirs.

mod history;
mod secret;
mod v1;
mod v2;

pub use secret::Place;

use futures::stream::{StreamExt, TryStreamExt};
use serde_json::{Map, Value};

use super::definition::{is_nothing, settle};
use super::listing::{below, encoded};
use super::mounts::Mount;
use super::report::{Outcome, Part};
use super::{Import, Stop};
use crate::cli::failure::Failure;

pub async fn carry(import: &Import, mount: &Mount) -> Result<(), Stop> {
    let (root, mut set) = (mount.path.as_str(), mount.clone());
    if mount.has_versions {
        let config = format!("{root}config");
        match configure(import, &mut set).await {
            // As long as it goes well it is a part of the mount, which was counted.
            Ok(Outcome::Differs(why)) => import.record(Part::Mounts, &config, Outcome::Differs(why))?,
            Ok(_) => {}
            Err(failure) => import.record(Part::Mounts, &config, Outcome::failed(&failure))?,
        }
    }
    import.begin(root);
    let folder = if mount.has_versions { format!("{root}metadata/") } else { root.to_owned() };
    let set = &set;
    below(&import.from, &folder)
        .map(Ok::<_, Stop>)
        .try_for_each_concurrent(import.workers, |entry| async move {
            match entry {
                Ok(name) => import.item(Part::Secrets, &format!("{root}{name}"), one(import, set, &name)).await,
                Err((place, failure)) => {
                    import.record(Part::Secrets, &format!("{root}{place}"), Outcome::failed(&failure))
                }
            }
        })
        .await?;
    import.end(root);
    Ok(())
}

async fn one(import: &Import, mount: &Mount, name: &str) -> Result<Option<Outcome>, Failure> {
    if mount.has_versions { v2::carry(import, mount, name).await } else { v1::carry(import, mount, name).await }
}

const CONFIG: &[&str] = &["max_versions", "cas_required", "metadata_cas_required", "delete_version_after"];

/// What the engine is set to.
async fn configure(import: &Import, mount: &mut Mount) -> Result<Outcome, Failure> {
    let path = format!("{}config", encoded(&mount.path));
    let there = import.from.get(&path).await?.inside()?;
    mount.max_versions = there["max_versions"].as_u64().unwrap_or(0);
    let here = import.here(mount, &path).await?.map(|answer| answer["data"].clone());
    let wanted: Map<String, Value> =
        CONFIG.iter().filter_map(|key| Some(((*key).to_owned(), there.get(*key)?.clone()))).collect();
    // One that was never set to anything is as good as new.
    let here = here.filter(|here| !CONFIG.iter().all(|key| is_nothing(&here[*key])));
    if here.is_none() && wanted.values().all(is_nothing) {
        return Ok(Outcome::Same);
    }
    settle(import, &path, here.as_ref(), &wanted, Map::new()).await
}
