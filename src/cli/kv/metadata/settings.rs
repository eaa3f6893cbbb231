//! What may be set of a secret.

use clap::Args;
use serde_json::{Map, Value};

use crate::cli::failure::Failure;
use crate::cli::pairs;

#[derive(Args)]
pub struct Settings {
    /// How many versions are kept; 0: as many as the mount says
    #[arg(long, value_name = "NUMBER")]
    max_versions: Option<u64>,
    /// Whether each write must name the version that it replaces
    #[arg(long, value_name = "TRUE|FALSE", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    cas_required: Option<bool>,
    /// How long after it was made a version is deleted, such as 720h; 0s: never
    #[arg(long, value_name = "DURATION")]
    delete_version_after: Option<String>,
    /// What people want to know of it, KEY=VALUE; may be given again
    #[arg(long, value_name = "K=V")]
    custom_metadata: Vec<String>,
}

impl Settings {
    pub fn body(&self, removed: &[String]) -> Result<Value, Failure> {
        let mut body = Map::new();
        body.extend(self.max_versions.map(|number| ("max_versions".to_owned(), number.into())));
        body.extend(self.cas_required.map(|truth| ("cas_required".to_owned(), truth.into())));
        body.extend(self.delete_version_after.clone().map(|after| ("delete_version_after".to_owned(), after.into())));
        let mut custom = pairs::plain(&self.custom_metadata)?;
        custom.extend(removed.iter().map(|key| (key.clone(), Value::Null)));
        if !custom.is_empty() {
            body.insert("custom_metadata".to_owned(), Value::Object(custom));
        }
        Ok(Value::Object(body))
    }
}
