//! What a command prints that has made a version.

use serde_json::Value;

use crate::cli::failure::{Done, Failure};
use crate::cli::globals::Globals;
use crate::cli::output;

pub fn print(globals: &Globals, path: &str, versioned: bool, answer: &Value) -> Result<Done, Failure> {
    let output = globals.output()?;
    if answer["wrap_info"].is_object() {
        return output.secret(answer);
    }
    output::warnings(answer);
    if !versioned {
        return output::say(&format!("Success! Data written to: {path}"));
    }
    output.value(answer, || {
        let metadata = output::titled("Metadata", &output::pairs(&output::object_rows(&answer["data"])));
        format!("{}\n\n{metadata}", output::titled("Secret Path", path))
    })
}
