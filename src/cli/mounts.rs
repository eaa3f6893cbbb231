//! What mounts of engines, of logins and of devices have in common: how they are listed, and how they are tuned.

use clap::Args;
use serde_json::{Map, Value, json};

use super::failure::{Done, Failure, While};
use super::output::{self, cell, lifetime};
use super::{client::Client, pairs};

/// A mount's path as lists show it.
pub fn with_slash(path: &str) -> String {
    format!("{}/", path.trim_matches('/'))
}

pub fn brief(mounts: &Value) -> String {
    let rows = mounts.as_object().into_iter().flatten().map(|(path, mount)| {
        [path.clone(), cell(&mount["type"]), text(&mount["accessor"]), text(&mount["description"])]
    });
    output::table(["Path", "Type", "Accessor", "Description"], &rows.collect::<Vec<_>>())
}

/// Lists differ in one column.
pub fn detailed(mounts: &Value, own: (&str, fn(&Value) -> String)) -> String {
    let rows = mounts.as_object().into_iter().flatten().map(|(path, mount)| {
        let limit = |key: &str| match &mount["config"][key] {
            value if value.as_u64() == Some(0) || value.is_null() => "system".to_owned(),
            value => lifetime(value),
        };
        let replication = if mount["local"].as_bool().unwrap_or(false) { "local" } else { "replicated" };
        [
            path.clone(),
            cell(&mount["type"]),
            text(&mount["accessor"]),
            limit("default_lease_ttl"),
            limit("max_lease_ttl"),
            own.1(mount),
            replication.to_owned(),
            cell(&mount["seal_wrap"]),
            if mount["options"].is_null() { "map[]".to_owned() } else { cell(&mount["options"]) },
            text(&mount["description"]),
            text(&mount["uuid"]),
            text(&mount["running_plugin_version"]),
        ]
    });
    let header = [
        "Path",
        "Plugin",
        "Accessor",
        "Default TTL",
        "Max TTL",
        own.0,
        "Replication",
        "Seal Wrap",
        "Options",
        "Description",
        "UUID",
        "Running Version",
    ];
    output::table(header, &rows.collect::<Vec<_>>())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("").to_owned()
}

/// `sys/remount` and, where the server names it, the end of what it began.
pub async fn remount(client: &Client, from: &str, to: &str, what: &str) -> Result<Done, Failure> {
    let (from, to) = (with_slash(from), with_slash(to));
    let doing = format!("moving {what} {from} to {to}");
    let reply = client.post("sys/remount", &json!({ "from": from, "to": to })).await.doing(&doing)?;
    let answer = reply.ok().doing(&doing)?;
    let id = [&answer["migration_id"], &answer["data"]["migration_id"]].into_iter().find_map(Value::as_str);
    let moved = format!("Success! Finished moving {what} {from} to {to}");
    let Some(id) = id else { return output::say(&moved) };
    // Moving takes as long as the mount is large; a person may interrupt, the server goes on.
    loop {
        let reply = client.get(&format!("sys/remount/status/{id}")).await.doing(&doing)?.ok().doing(&doing)?;
        match cell(&reply["data"]["migration_info"]["status"]).as_str() {
            "success" => return output::say(&format!("{moved}, with migration ID {id}")),
            "in-progress" => tokio::time::sleep(std::time::Duration::from_millis(300)).await,
            other => return Err(Failure::refused(format!("Error {doing}: the server says {other:?}"))),
        }
    }
}

/// What `enable` alone may say of a mount.
#[derive(Args)]
pub struct Making {
    /// Not for secondary clusters
    #[arg(long)]
    local: bool,
    /// Wrap what it stores by the seal as well
    #[arg(long)]
    seal_wrap: bool,
    /// Let it take randomness from the seal's device
    #[arg(long)]
    external_entropy_access: bool,
    #[command(flatten)]
    tuning: Tuning,
}

impl Making {
    /// The body of an `enable`. What mounts of one sort alone have in their configuration comes as `own`.
    pub fn body(&self, kind: &str, own: (&str, Option<Value>), version: Option<&str>) -> Result<Value, Failure> {
        let mut config = self.tuning.config();
        config.extend(own.1.map(|value| (own.0.to_owned(), value)));
        let mut body = json!({
            "type": kind,
            "description": self.tuning.description.as_deref().unwrap_or(""),
            "local": self.local,
            "seal_wrap": self.seal_wrap,
            "external_entropy_access": self.external_entropy_access,
            "config": config,
        });
        if let Some(options) = self.tuning.options(version)? {
            body["options"] = options.into();
        }
        Ok(body)
    }
}

/// What `enable` and `tune` may say of a mount.
#[derive(Args)]
pub struct Tuning {
    /// For people
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// How long a lease lasts that asks for nothing else, such as 24h
    #[arg(long, value_name = "DURATION")]
    default_lease_ttl: Option<String>,
    /// How long a lease may last
    #[arg(long, value_name = "DURATION")]
    max_lease_ttl: Option<String>,
    /// A key of requests that audit devices write as it is; may be given again
    #[arg(long, value_name = "KEY")]
    audit_non_hmac_request_keys: Vec<String>,
    /// A key of answers that audit devices write as it is; may be given again
    #[arg(long, value_name = "KEY")]
    audit_non_hmac_response_keys: Vec<String>,
    /// unauth: listed for whoever is not logged in; hidden: not
    #[arg(long, value_name = "UNAUTH|HIDDEN")]
    listing_visibility: Option<String>,
    /// A header of requests that the mount sees; may be given again
    #[arg(long, value_name = "NAME")]
    passthrough_request_headers: Vec<String>,
    /// A header that the mount may answer with; may be given again
    #[arg(long, value_name = "NAME")]
    allowed_response_headers: Vec<String>,
    /// The mount's own options; may be given again
    #[arg(long, value_name = "K=V")]
    options: Vec<String>,
    /// The version of the plugin
    #[arg(long, value_name = "VERSION")]
    plugin_version: Option<String>,
}

impl Tuning {
    /// What stands in `config` when a mount is made, and at the top when it is tuned.
    fn config(&self) -> Map<String, Value> {
        let mut config = Map::new();
        let texts = [
            ("default_lease_ttl", &self.default_lease_ttl),
            ("max_lease_ttl", &self.max_lease_ttl),
            ("listing_visibility", &self.listing_visibility),
            ("plugin_version", &self.plugin_version),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                config.insert(key.to_owned(), text.clone().into());
            }
        }
        let lists = [
            ("audit_non_hmac_request_keys", &self.audit_non_hmac_request_keys),
            ("audit_non_hmac_response_keys", &self.audit_non_hmac_response_keys),
            ("passthrough_request_headers", &self.passthrough_request_headers),
            ("allowed_response_headers", &self.allowed_response_headers),
        ];
        for (key, list) in lists {
            // One empty value empties the list.
            let given: Vec<&String> = list.iter().filter(|value| !value.is_empty()).collect();
            if !list.is_empty() {
                config.insert(key.to_owned(), json!(given));
            }
        }
        config
    }

    /// `-options`, and `-version` where the engine has one.
    fn options(&self, version: Option<&str>) -> Result<Option<Map<String, Value>>, Failure> {
        let mut options = pairs::plain(&self.options)?;
        if let Some(version) = version {
            options.insert("version".to_owned(), version.into());
        }
        Ok((!options.is_empty()).then_some(options))
    }

    /// The body of a `tune`.
    pub fn tune(&self, version: Option<&str>) -> Result<Map<String, Value>, Failure> {
        let mut body = self.config();
        if let Some(description) = &self.description {
            body.insert("description".to_owned(), description.clone().into());
        }
        if let Some(options) = self.options(version)? {
            body.insert("options".to_owned(), options.into());
        }
        Ok(body)
    }
}
