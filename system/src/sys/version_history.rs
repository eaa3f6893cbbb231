//! `sys/version-history`: which versions have led this cluster, and since when.

use holdfast_core::versions;
use sdk::{Answer, Ctx, Input, Map, Path, Value, Verb, View, json};

#[derive(Input)]
struct Nothing {}

pub fn path() -> Path {
    Path::new("version-history/?")
        .help("Lists the versions that have led this cluster.", "Of each, when a node of it first did.")
        .view(Verb::List, |_: &Ctx, Nothing {}: Nothing, view: &View| {
            let history = versions::history(view)?;
            let keys: Vec<&String> = history.iter().map(|installed| &installed.version).collect();
            let before = [Value::Null].into_iter().chain(keys.iter().map(|key| json!(key)));
            let info: Map<String, Value> = history
                .iter()
                .zip(before)
                .map(|(installed, previous)| {
                    let shown = json!({
                        "timestamp_installed": sdk::timestamp(installed.at),
                        "previous_version": previous,
                        "commit_date": "",
                    });
                    (installed.version.clone(), shown)
                })
                .collect();
            Ok(Answer::json(json!({"keys": keys, "key_info": info})))
        })
}
