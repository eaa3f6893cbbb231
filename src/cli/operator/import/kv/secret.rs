//! A secret of version 2 as its metadata show it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::definition::is_nothing;
use super::super::listing::encoded;
use super::super::mounts::Mount;
use super::Import;
use crate::cli::client::{Ask, Client};
use crate::cli::failure::Failure;
use reqwest::Method;

/// Where a secret is, as paths have it.
pub struct Place {
    mount: String,
    name: String,
}

impl Place {
    pub fn new(mount: &Mount, name: &str) -> Place {
        Place { mount: encoded(&mount.path), name: encoded(name) }
    }

    /// `part` is `data`, `metadata` and the like.
    pub fn path(&self, part: &str) -> String {
        format!("{}{part}/{}", self.mount, self.name)
    }

    /// What a version holds; `None` if it cannot be read.
    pub async fn version(&self, client: &Client, number: u64) -> Result<Option<Value>, Failure> {
        let ask = Ask::new(Method::GET, &self.path("data")).query([("version".to_owned(), number.to_string())]);
        let reply = client.send(ask).await?;
        if reply.status == 404 {
            return Ok(None);
        }
        Ok(Some(reply.ok()?["data"]["data"].clone()))
    }
}

#[derive(Debug, Default)]
pub struct Secret {
    pub current: u64,
    /// Counts the changes of the settings.
    edition: u64,
    pub settings: Settings,
    /// The versions that are known of.
    pub versions: BTreeMap<u64, Version>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// There is something to read.
    Whole,
    /// It is deleted, or will be.
    Ends,
    Destroyed,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    pub max_versions: u64,
    cas_required: bool,
    metadata_cas_required: bool,
    /// As it is written; empty for none.
    delete_version_after: String,
    custom: Value,
}

impl Secret {
    pub fn of(answer: &Value) -> Secret {
        let data = &answer["data"];
        let number = |key: &str| data[key].as_u64().unwrap_or(0);
        let versions = data["versions"].as_object().into_iter().flatten();
        Secret {
            current: number("current_version"),
            edition: number("current_metadata_version"),
            settings: Settings::of(data),
            versions: versions
                .filter_map(|(number, version)| Some((number.parse().ok()?, Version::of(version))))
                .collect(),
        }
    }

    /// Of the versions that are still known of.
    pub fn oldest(&self) -> u64 {
        self.versions.first_key_value().map_or(self.current + 1, |(number, _)| *number)
    }

    pub fn may_be_read(&self, number: u64) -> bool {
        self.versions.get(&number).is_some_and(|version| *version != Version::Destroyed)
    }

    /// With room for all versions that there are, if there are more than it says: the number was larger once.
    pub fn roomy(&self, mount: &Mount) -> Settings {
        let kept = match self.settings.max_versions.max(mount.max_versions) {
            0 => USUAL,
            set => set,
        };
        let known = self.versions.len() as u64;
        let max_versions = if known > kept { known } else { self.settings.max_versions };
        Settings { max_versions, ..self.settings.clone() }
    }

    /// Sets the secret at the target, which has these settings now, to others.
    pub async fn set(&mut self, import: &Import, at: &Place, settings: Settings) -> Result<(), Failure> {
        let mut body = settings.body();
        body["metadata_cas"] = json!(self.edition);
        import.write(&at.path("metadata"), &body).await?;
        self.edition += 1;
        self.settings = settings;
        Ok(())
    }
}

/// What is kept where nobody says.
const USUAL: u64 = 10;

impl Version {
    fn of(shown: &Value) -> Version {
        match (shown["destroyed"] == json!(true), is_nothing(&shown["deletion_time"])) {
            (true, _) => Version::Destroyed,
            (false, true) => Version::Whole,
            (false, false) => Version::Ends,
        }
    }
}

impl Settings {
    fn of(data: &Value) -> Settings {
        let truth = |key: &str| data[key] == json!(true);
        let nothing = |key: &str| is_nothing(&data[key]);
        Settings {
            max_versions: data["max_versions"].as_u64().unwrap_or(0),
            cas_required: truth("cas_required"),
            metadata_cas_required: truth("metadata_cas_required"),
            delete_version_after: match nothing("delete_version_after") {
                true => String::new(),
                false => data["delete_version_after"].as_str().unwrap_or("").to_owned(),
            },
            custom: if nothing("custom_metadata") { Value::Null } else { data["custom_metadata"].clone() },
        }
    }

    fn body(&self) -> Value {
        json!({
            "max_versions": self.max_versions,
            "cas_required": self.cas_required,
            "metadata_cas_required": self.metadata_cas_required,
            "delete_version_after": if self.delete_version_after.is_empty() { "0s" } else { &self.delete_version_after },
            "custom_metadata": if self.custom.is_null() { json!({}) } else { self.custom.clone() },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(max_versions: u64) -> Mount {
        Mount { path: "kv/".into(), kind: "kv".into(), has_versions: true, is_planned: false, max_versions }
    }

    fn shown() -> Value {
        let version = |deleted: &str, destroyed: bool| json!({"deletion_time": deleted, "destroyed": destroyed});
        json!({"data": {
            "current_version": 5, "current_metadata_version": 2, "max_versions": 2, "cas_required": false,
            "delete_version_after": "0s", "custom_metadata": null,
            "versions": {"3": version("", true), "4": version("2026-01-01T00:00:00Z", false), "5": version("", false)},
        }})
    }

    #[test]
    fn what_metadata_show() {
        let secret = Secret::of(&shown());
        assert_eq!((secret.current, secret.oldest(), secret.edition), (5, 3, 2));
        let readable: Vec<u64> = (0..7).filter(|number| secret.may_be_read(*number)).collect();
        assert_eq!(readable, [4, 5]);
        let none = Secret::of(&json!({"data": {"current_version": 0, "versions": {}}}));
        assert_eq!((none.current, none.oldest(), none.settings), (0, 1, Settings::default()));
    }

    #[test]
    fn there_is_room_for_what_was_kept_under_a_larger_number() {
        let secret = Secret::of(&shown());
        assert_eq!(secret.roomy(&mount(0)).max_versions, 3);
        assert_eq!(secret.roomy(&mount(3)), secret.settings, "the mount keeps as many");
        let mut usual = shown();
        usual["data"]["max_versions"] = json!(0);
        assert_eq!(Secret::of(&usual).roomy(&mount(0)).max_versions, 0);
    }
}
