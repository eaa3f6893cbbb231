//! ACL policies.

use serde_json::{Map, json};

use super::definition::settle;
use super::listing::{Names, path_of};
use super::report::{Lost, Outcome, Part};
use super::{Import, Stop};
use crate::cli::failure::Failure;

const FOLDER: &str = "sys/policies/acl";

pub async fn carry(import: &Import) -> Result<(), Stop> {
    import.begin("Policies");
    let mut names = Names::of(FOLDER);
    loop {
        match names.next(&import.from).await {
            Ok(None) => break,
            // It allows everything and has no text.
            Ok(Some(name)) if name == "root" => {}
            Ok(Some(name)) => import.item(Part::Policies, &name, one(import, &name)).await?,
            Err(failure) => import.record(Part::Policies, FOLDER, Outcome::failed(&failure))?,
        }
    }
    import.end("Policies");
    Ok(())
}

async fn one(import: &Import, name: &str) -> Result<Option<Outcome>, Failure> {
    let path = path_of(&format!("{FOLDER}/{name}"))?;
    let Some(there) = import.from.get(&path).await?.found()? else { return Ok(None) };
    let there = &there["data"];
    let wanted = Map::from_iter([("policy".to_owned(), there["policy"].clone())]);
    let here = import.target(&path).await?;
    let here = here.as_ref().map(|answer| &answer["data"]);
    let outcome = settle(import, &path, here, &wanted, Map::new()).await?;
    if there["policy"].as_str().unwrap_or("").contains("identity.entity.aliases.") {
        import.report().lost(Lost::Accessors, 0);
        import.report().note(Part::Policies, name, "names a mount's accessor, which is another one at the target");
    }
    if !there["expiration"].is_null() || there["cas_required"] == json!(true) {
        import.report().note(Part::Policies, name, "its expiration and cas_required do not carry over");
    }
    Ok(Some(match outcome {
        // Every server brings its own, for its own paths.
        Outcome::Differs(_) if name == "default" => {
            import.report().note(Part::Policies, name, "the target's own stays; it is not the source's");
            Outcome::Skipped
        }
        other => other,
    }))
}
