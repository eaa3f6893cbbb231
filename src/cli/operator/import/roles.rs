//! Roles of `approle`, under the IDs that they have. Their secret IDs are nowhere to be read.

use serde_json::{Map, Value};

use super::definition::settle;
use super::listing::{Names, path_of};
use super::mounts::Mount;
use super::report::{Lost, Outcome, Part};
use super::users::token_settings;
use super::{Import, Stop};
use crate::cli::failure::Failure;

/// Beside those of its tokens.
const SETTINGS: &[&str] =
    &["bind_secret_id", "local_secret_ids", "secret_id_bound_cidrs", "secret_id_num_uses", "secret_id_ttl"];

pub async fn carry(import: &Import, mount: &Mount) -> Result<(), Stop> {
    let folder = format!("{}role", mount.path);
    import.each(Part::Roles, &folder, async |path| one(import, mount, path).await).await
}

async fn one(import: &Import, mount: &Mount, role: &str) -> Result<Option<Outcome>, Failure> {
    let path = path_of(role)?;
    let id_path = format!("{path}/role-id");
    let Some(there) = import.from.get(&path).await?.found()? else { return Ok(None) };
    let Some(id) = import.from.get(&id_path).await?.found()? else { return Ok(None) };
    let wanted = definition(&there["data"], &id["data"]);
    let here = match import.here(mount, &path).await? {
        None => None,
        Some(here) => {
            let id = import.here(mount, &id_path).await?.unwrap_or_default();
            Some(Value::Object(definition(&here["data"], &id["data"])))
        }
    };
    let outcome = settle(import, &path, here.as_ref(), &wanted, Map::new()).await?;
    let secret_ids = count(import, &format!("{role}/secret-id")).await?;
    if secret_ids > 0 {
        import.report().lost(Lost::SecretId, secret_ids);
    }
    Ok(Some(outcome))
}

fn definition(shown: &Value, id: &Value) -> Map<String, Value> {
    let mut fields = token_settings(shown);
    for key in SETTINGS {
        fields.extend(shown.get(*key).map(|value| ((*key).to_owned(), value.clone())));
    }
    fields.insert("role_id".to_owned(), id["role_id"].clone());
    // Written, nothing is not always taken for nothing.
    fields.retain(|_, value| !value.is_null());
    fields
}

async fn count(import: &Import, folder: &str) -> Result<u64, Failure> {
    let (mut names, mut count) = (Names::of(folder), 0);
    while names.next(&import.from).await?.is_some() {
        count += 1;
    }
    Ok(count)
}
