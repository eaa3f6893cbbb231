//! Users of `userpass`. Their passwords are nowhere to be read: a user is made with one that nobody knows, so that none
//! works until somebody sets another.

use serde_json::{Map, Value};

use super::definition::settle;
use super::listing::path_of;
use super::mounts::Mount;
use super::report::{Lost, Outcome, Part};
use super::{Import, Stop};
use crate::cli::failure::Failure;

pub async fn carry(import: &Import, mount: &Mount) -> Result<(), Stop> {
    let folder = format!("{}users", mount.path);
    import.each(Part::Users, &folder, async |path| one(import, mount, path).await).await
}

async fn one(import: &Import, mount: &Mount, user: &str) -> Result<Option<Outcome>, Failure> {
    let path = path_of(user)?;
    let Some(there) = import.from.get(&path).await?.found()? else { return Ok(None) };
    let here = import.here(mount, &path).await?;
    let wanted = token_settings(&there["data"]);
    let password = Map::from_iter([("password".to_owned(), Value::from(unknown()))]);
    let outcome = settle(import, &path, here.as_ref().map(|answer| &answer["data"]), &wanted, password).await?;
    if matches!(outcome, Outcome::Made) {
        import.report().lost(Lost::Password, 1);
    }
    Ok(Some(outcome))
}

/// The newer names of everything; older ones are shown beside them and say the same.
pub fn token_settings(shown: &Value) -> Map<String, Value> {
    let members = shown.as_object().into_iter().flatten();
    members.filter(|(key, _)| key.starts_with("token_")).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// As long as a hash of it can tell apart.
fn unknown() -> String {
    hex::encode(crypto::random::<32>())
}
