//! `holdfast kv metadata get`

use clap::Args;
use serde_json::Value;

use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::kv::mount::Target;
use crate::cli::output::{self, cell};

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast kv metadata get secret/app")]
pub struct Arguments {
    #[command(flatten)]
    target: Target,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let client = globals.client()?;
    let path = arguments.target.versioned(&client, "Metadata").await?.path("metadata");
    let doing = format!("reading {path}");
    let answer = client.get(&path).await.doing(&doing)?.found().doing(&doing)?;
    let answer = answer.ok_or_else(|| Failure::refused(format!("No value found at {path}")))?;
    let data = &answer["data"];
    globals.output()?.value_with_fields(&answer, &[data], || for_people(&path, data))
}

fn for_people(path: &str, data: &Value) -> String {
    let mut settings = data.clone();
    if let Some(settings) = settings.as_object_mut() {
        settings.remove("versions");
    }
    let table = |object: &Value| output::pairs(&output::object_rows(object));
    let metadata = output::titled("Metadata", &table(&settings));
    let mut text = format!("{}\n\n{metadata}", output::titled("Metadata Path", path));
    let mut versions: Vec<(u64, &Value)> = data["versions"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(number, version)| (number.parse().unwrap_or(0), version))
        .collect();
    versions.sort_by_key(|(number, _)| *number);
    for (number, version) in versions {
        let rows = version.as_object().into_iter().flatten().map(|(key, value)| [key.clone(), cell(value)]);
        let rows: Vec<[String; 2]> = rows.collect();
        text.push_str(&format!("\n{}", output::titled(&format!("Version {number}"), &output::pairs(&rows))));
    }
    text
}
