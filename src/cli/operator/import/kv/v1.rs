//! A secret of version 1: one value.

use serde_json::{Value, json};

use super::super::listing::encoded;
use super::super::mounts::Mount;
use super::super::report::Outcome;
use super::Import;
use crate::cli::failure::Failure;

pub async fn carry(import: &Import, mount: &Mount, name: &str) -> Result<Option<Outcome>, Failure> {
    if mount.is_planned {
        return Ok(Some(Outcome::Made));
    }
    let path = format!("{}{}", encoded(&mount.path), encoded(name));
    let Some(there) = import.from.get(&path).await?.found()? else { return Ok(None) };
    let data = &there["data"];
    Ok(Some(match import.here(mount, &path).await? {
        None => {
            import.write(&path, data).await?;
            Outcome::Made
        }
        Some(here) if here["data"] == *data => Outcome::Same,
        Some(_) if import.overwrite => {
            import.write(&path, data).await?;
            Outcome::Overwritten
        }
        Some(here) => Outcome::Differs(differing(&here["data"], data)),
    }))
}

/// Never what they hold.
fn differing(here: &Value, there: &Value) -> String {
    let keys = |value: &Value| json!(value.as_object().map(|members| members.keys().collect::<Vec<_>>()));
    if keys(here) == keys(there) { "another value under the same keys".to_owned() } else { "other keys".to_owned() }
}
