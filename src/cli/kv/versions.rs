//! Versions of a secret that a command writes about: which they are, and the write.

use clap::Args;
use serde_json::json;

use super::mount::Target;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output;

#[derive(Args)]
pub struct Versions {
    #[command(flatten)]
    target: Target,
    /// These versions
    #[arg(long, required = true, value_delimiter = ',', value_name = "NUMBER")]
    versions: Vec<u64>,
}

impl Versions {
    /// To the secret's path below `part`; people know it as `what`.
    pub async fn write(&self, part: &str, what: &str, globals: &Globals) -> Result<Done, Failure> {
        let client = globals.client()?;
        let path = self.target.versioned(&client, what).await?.path(part);
        let doing = format!("writing data to {path}");
        let reply = client.put(&path, &json!({ "versions": self.versions })).await.doing(&doing)?;
        output::warnings(&reply.ok().doing(&doing)?);
        output::say(&format!("Success! Data written to: {path}"))
    }
}
