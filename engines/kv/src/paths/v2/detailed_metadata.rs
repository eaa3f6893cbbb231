//! `detailed-metadata/:path`: listings that carry each secret's metadata.

use sdk::{Ctx, Failure, Keys, Map, Path, Reply, Result, Value, Verb, View, json};

use super::metadata::List;
use crate::listing;
use crate::name::Folder;
use crate::records::secret;

pub fn path() -> Path {
    Path::new("detailed-metadata/:path*")
        .help(
            "Listings with metadata.",
            "As a list or a scan of `metadata/`, and the metadata of each secret in `key_info`. A folder has none.",
        )
        .view(Verb::List, list)
        .view(Verb::Scan, scan)
}

fn list(_: &Ctx, list: List, view: &View) -> Result<Reply<Keys>> {
    let folder = list.path.folder()?;
    detailed(view, &folder, secret::page(view, &folder, &list.page)?)
}

fn scan(_: &Ctx, list: List, view: &View) -> Result<Reply<Keys>> {
    let folder = list.path.folder()?;
    let names = listing::scan(&folder, |folder| secret::list(view, folder))?;
    detailed(view, &folder, names)
}

fn detailed(view: &View, folder: &Folder, names: Vec<String>) -> Result<Reply<Keys>> {
    if names.is_empty() {
        return Err(Failure::NotFound);
    }
    let mut info = Map::new();
    for name in &names {
        let found = if name.ends_with('/') { None } else { secret::get(view, &folder.secret(name))? };
        info.insert(name.clone(), found.map_or_else(|| Value::Object(Map::new()), |secret| json!(secret.describe())));
    }
    Reply::data(Keys { keys: names, key_info: Some(info) })
}
