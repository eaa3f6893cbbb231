//! `holdfast kv get`

use clap::Args;
use reqwest::Method;
use serde_json::Value;

use super::mount::Target;
use crate::cli::client::Ask;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output;

#[derive(Args)]
#[command(
    after_help = "Examples:\n  holdfast kv get secret/app\n  holdfast kv get -mount=secret -field=password app\n  holdfast kv get -version=3 -format=json secret/app"
)]
pub struct Arguments {
    #[command(flatten)]
    target: Target,
    /// Which version; 0 is the newest
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    version: u64,
}

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let client = globals.client()?;
    let location = arguments.target.locate(&client).await?;
    let path = location.path("data");
    let mut ask = Ask::new(Method::GET, &path);
    match arguments.version {
        0 => {}
        _ if !location.versioned => return Err(Failure::usage("This mount keeps no versions")),
        version => ask = ask.query([("version".to_owned(), version.to_string())]),
    }
    let doing = format!("reading {path}");
    let answer = client.send(ask).await.doing(&doing)?.found().doing(&doing)?;
    let answer = answer.ok_or_else(|| Failure::refused(format!("No value found at {path}")))?;
    let output = globals.output()?;
    if answer["wrap_info"].is_object() {
        return output.secret(&answer);
    }
    if output.for_people() {
        output::warnings(&answer);
    }
    let data = if location.versioned { &answer["data"]["data"] } else { &answer["data"] };
    let fields = [data, &answer["data"]["metadata"], &answer["data"]];
    output.value_with_fields(&answer, &fields, || for_people(&path, location.versioned, &answer["data"]))
}

fn for_people(path: &str, versioned: bool, data: &Value) -> String {
    let table = |object: &Value| output::pairs(&output::object_rows(object));
    if !versioned {
        return output::titled("Data", &table(data));
    }
    let metadata = output::titled("Metadata", &table(&data["metadata"]));
    let mut text = format!("{}\n\n{metadata}", output::titled("Secret Path", path));
    if data["data"].is_object() {
        text.push_str(&format!("\n{}", output::titled("Data", &table(&data["data"]))));
    }
    text
}
