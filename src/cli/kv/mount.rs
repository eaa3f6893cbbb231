//! Where a path's mount ends, and which version it has.

use clap::Args;
use reqwest::Method;

use crate::cli::client::{Ask, Client};
use crate::cli::failure::{Failure, While};
use crate::cli::output;

/// Which secret is meant.
#[derive(Args)]
pub struct Target {
    /// The secret's path, its mount first unless -mount names it
    path: String,
    /// The mount, where it is not the first part of the path
    #[arg(long, value_name = "PATH")]
    mount: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Location {
    /// With a slash at its end.
    mount: String,
    inside: String,
    pub versioned: bool,
}

impl Target {
    /// Another secret, written in the same manner.
    pub fn beside(&self, path: String) -> Self {
        Self { path, mount: self.mount.clone() }
    }

    /// Asks the server.
    pub async fn locate(&self, client: &Client) -> Result<Location, Failure> {
        let path = self.path.trim_matches('/');
        let mount = self.mount.as_ref().map(|mount| mount.trim_matches('/'));
        let whole = mount.map_or_else(|| path.to_owned(), |mount| format!("{mount}/{path}"));
        let asked = mount.unwrap_or(path);
        let ask = Ask::new(Method::GET, &format!("sys/internal/ui/mounts/{asked}")).preflight();
        let doing = format!("asking for the mount of {whole}");
        let answer = client.send(ask).await.doing(&doing)?.ok().doing(&doing)?;
        let about = &answer["data"];
        let mount = match about["path"].as_str() {
            Some(path) if !path.is_empty() => format!("{}/", path.trim_end_matches('/')),
            _ => return Err(Failure::refused(format!("The server named no mount for {whole}"))),
        };
        let versioned = output::cell(&about["options"]["version"]) == "2";
        Ok(split(mount, &whole, versioned))
    }

    /// As [`Target::locate`], for what only an engine with versions has.
    pub async fn versioned(&self, client: &Client, what: &str) -> Result<Location, Failure> {
        let location = self.locate(client).await?;
        match location.versioned {
            true => Ok(location),
            false => Err(Failure::usage(format!("{what} not supported on KV Version 1"))),
        }
    }
}

fn split(mount: String, whole: &str, versioned: bool) -> Location {
    let inside = whole.strip_prefix(&mount).unwrap_or("").to_owned();
    Location { mount, inside, versioned }
}

impl Location {
    pub fn mount(&self) -> &str {
        &self.mount
    }

    /// The secret's name in its mount.
    pub fn inside(&self) -> &str {
        &self.inside
    }

    /// The API's path of the secret; `part` is `data`, `metadata` and the like, where there are versions.
    pub fn path(&self, part: &str) -> String {
        let part = if self.versioned { format!("{part}/") } else { String::new() };
        format!("{}{part}{}", self.mount, self.inside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_put_a_part_between_mount_and_secret() {
        let location = |versioned| split("team/kv/".to_owned(), "team/kv/app/db", versioned);
        assert_eq!(location(true).path("data"), "team/kv/data/app/db");
        assert_eq!(location(false).path("data"), "team/kv/app/db");
        assert_eq!(split("kv/".to_owned(), "kv", true).path("metadata"), "kv/metadata/");
    }
}
