//! Where a path's mount ends, and which version it has.

use crate::cli::client::Client;
use crate::cli::failure::Failure;
use crate::cli::output;

#[derive(Debug, PartialEq, Eq)]
pub struct Location {
    /// With a slash at its end.
    mount: String,
    inside: String,
    pub versioned: bool,
}

/// Asks the server. `mount` is that of the flag.
pub async fn locate(client: &Client, mount: Option<&str>, path: &str) -> Result<Location, Failure> {
    let path = path.trim_matches('/');
    let whole = match mount {
        Some(mount) => format!("{}/{path}", mount.trim_matches('/')),
        None => path.to_owned(),
    };
    let asked = mount.unwrap_or(path).trim_matches('/');
    let reply = client.get(&format!("sys/internal/ui/mounts/{asked}")).await?;
    let answer = reply.ok().map_err(|failure| failure.while_doing(format_args!("asking for the mount of {whole}")))?;
    let about = &answer["data"];
    let mount = match about["path"].as_str() {
        Some(path) if !path.is_empty() => format!("{}/", path.trim_end_matches('/')),
        _ => return Err(Failure::refused(format!("The server named no mount for {whole}"))),
    };
    let versioned = output::cell(&about["options"]["version"]) == "2";
    Ok(split(mount, &whole, versioned))
}

fn split(mount: String, whole: &str, versioned: bool) -> Location {
    let inside = whole.strip_prefix(&mount).unwrap_or("").to_owned();
    Location { mount, inside, versioned }
}

impl Location {
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
