//! Mounts of engines and of logins, with what they are set to.

use sdk::PluginKind;
use serde_json::{Map, Value, json};

use super::definition::{is_nothing, settle};
use super::listing::encoded;
use super::report::{Lost, Outcome, Part};
use super::{Import, Stop};
use crate::catalog;
use crate::cli::failure::Failure;

/// One of the two tables of mounts.
pub struct Table {
    path: &'static str,
    part: Part,
    kind: PluginKind,
    /// What goes before a mount's path in those of requests to it.
    prefix: &'static str,
    /// What every server has by itself.
    own: &'static [&'static str],
    /// What this can carry the content of.
    with_content: &'static [&'static str],
}

pub const ENGINES: Table = Table {
    path: "sys/mounts",
    part: Part::Mounts,
    kind: PluginKind::Secret,
    prefix: "",
    own: &["cubbyhole", "identity", "system", "ns_cubbyhole", "ns_identity", "ns_system"],
    with_content: &["kv"],
};

pub const METHODS: Table = Table {
    path: "sys/auth",
    part: Part::AuthMounts,
    kind: PluginKind::Auth,
    prefix: "auth/",
    own: &["token", "ns_token"],
    with_content: &["userpass", "approle"],
};

/// A mount whose content is to be carried over.
#[derive(Clone)]
pub struct Mount {
    /// As requests to it begin, with a slash at its end.
    pub path: String,
    pub kind: String,
    /// Whether a key-value engine keeps versions.
    pub has_versions: bool,
    /// The target does not have it: this is a dry run.
    pub is_planned: bool,
    /// How many versions such an engine keeps where a secret does not say; zero for its own number.
    pub max_versions: u64,
}

/// What of `config` is the same on every server of this API.
const CONFIG: &[&str] = &[
    "default_lease_ttl",
    "max_lease_ttl",
    "listing_visibility",
    "audit_non_hmac_request_keys",
    "audit_non_hmac_response_keys",
    "passthrough_request_headers",
    "allowed_response_headers",
    "token_type",
];

pub async fn carry(import: &Import, table: &Table) -> Result<Vec<Mount>, Stop> {
    let mut mounts = Vec::new();
    let listed = async {
        let there = import.from.get(table.path).await?.inside()?;
        let here = import.target(table.path).await?.unwrap_or_default();
        let here = if here["data"].is_object() { here["data"].clone() } else { here };
        Ok::<_, Failure>((there, here))
    };
    let (there, here) = match listed.await {
        Ok(both) => both,
        Err(failure) => {
            import.record(table.part, table.path, Outcome::failed(&failure))?;
            return Ok(mounts);
        }
    };
    import.begin(table.part.name());
    for (path, mount) in there.as_object().into_iter().flatten() {
        let Some(kind) = mount["type"].as_str().map(known_as).filter(|kind| !table.own.contains(kind)) else {
            continue;
        };
        let here = here.get(path);
        let found = Mount {
            path: format!("{}{}/", table.prefix, path.trim_end_matches('/')),
            kind: kind.to_owned(),
            has_versions: has_versions(mount),
            is_planned: here.is_none() && import.dry_run,
            max_versions: 0,
        };
        let mut usable = false;
        let work = async {
            let outcome = one(import, table, path, &found, mount, here).await?;
            usable = outcome.is_usable() && found.same_sort(here);
            Ok(Some(outcome))
        };
        import.item(table.part, &found.path, work).await?;
        if usable && table.with_content.contains(&kind) {
            mounts.push(found);
        } else if usable {
            import.report().lost(Lost::Content, 1);
            import.report().note(table.part, &found.path, "its content does not carry over, only the mount");
        }
    }
    import.end(table.part.name());
    Ok(mounts)
}

async fn one(
    import: &Import,
    table: &Table,
    path: &str,
    found: &Mount,
    there: &Value,
    here: Option<&Value>,
) -> Result<Outcome, Failure> {
    if catalog::plugins().find(table.kind, &found.kind).is_none() {
        let what = if table.kind == PluginKind::Auth { "login method" } else { "engine" };
        import.report().lost(Lost::Plugin, 1);
        import.report().note(table.part, &found.path, &format!("the target has no {what} {}", found.kind));
        return Ok(Outcome::Skipped);
    }
    if let Some(here) = here.filter(|_| !found.same_sort(here)) {
        let sort = |mount: &Value| format!("{} {}", known_as(mount["type"].as_str().unwrap_or("")), version(mount));
        return Ok(Outcome::Differs(format!("the target has {} there, not {}", sort(here).trim(), sort(there).trim())));
    }
    for key in there["config"].as_object().into_iter().flatten().filter(|(key, value)| stays_behind(key, value)) {
        import.report().note(table.part, &found.path, &format!("its {} does not carry over", key.0));
    }
    let at = format!("{}/{}", table.path, encoded(path.trim_end_matches('/')));
    let settings = settings(there);
    match here {
        None => {
            let body = making(&found.kind, there, settings);
            import.write(&at, &body).await?;
            Ok(Outcome::Made)
        }
        Some(here) => {
            let here = Value::Object(self::settings(here));
            settle(import, &format!("{at}/tune"), Some(&here), &settings, Map::new()).await
        }
    }
}

impl Mount {
    /// Whether what the target has there can hold the same.
    fn same_sort(&self, here: Option<&Value>) -> bool {
        here.is_none_or(|here| {
            known_as(here["type"].as_str().unwrap_or("")) == self.kind && has_versions(here) == self.has_versions
        })
    }
}

/// The engine's older name is still shown by old mounts.
fn known_as(kind: &str) -> &str {
    if kind == "generic" { "kv" } else { kind }
}

fn has_versions(mount: &Value) -> bool {
    version(mount) == "2"
}

fn version(mount: &Value) -> &str {
    mount["options"]["version"].as_str().unwrap_or("")
}

/// What can be tuned, in the form that tuning takes.
fn settings(mount: &Value) -> Map<String, Value> {
    let config = &mount["config"];
    let mut settings = Map::from_iter([("description".to_owned(), mount["description"].clone())]);
    for key in CONFIG {
        settings.extend(config.get(*key).map(|value| ((*key).to_owned(), value.clone())));
    }
    if let Some(lockout) = config["user_lockout_config"].as_object() {
        // It is shown under other names than it is set by.
        let lockout: Map<String, Value> = lockout
            .iter()
            .filter_map(|(key, value)| Some((key.strip_prefix("user_")?.to_owned(), value.clone())))
            .collect();
        settings.insert("user_lockout_config".to_owned(), lockout.into());
    }
    settings
}

fn making(kind: &str, mount: &Value, settings: Map<String, Value>) -> Value {
    let mut config = settings;
    config.remove("description");
    config.extend(mount["config"].get("force_no_cache").map(|value| ("force_no_cache".to_owned(), value.clone())));
    config.retain(|_, value| !is_nothing(value));
    let mut body = json!({ "type": kind, "description": mount["description"], "config": config });
    for key in ["options", "local", "seal_wrap", "external_entropy_access"] {
        if !is_nothing(&mount[key]) {
            body[key] = mount[key].clone();
        }
    }
    body
}

fn stays_behind(key: &str, value: &Value) -> bool {
    !is_nothing(value) && !CONFIG.contains(&key) && !["user_lockout_config", "force_no_cache"].contains(&key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_made_of_what_is_shown_of_it() {
        let shown = json!({
            "accessor": "auth_userpass_1", "type": "userpass", "description": "people", "local": false, "options": {},
            "config": {
                "default_lease_ttl": 3600, "max_lease_ttl": 0, "token_type": "default-service", "force_no_cache": false,
                "user_lockout_config": {"user_lockout_threshold": 9, "user_lockout_disable": false},
                "identity_token_key": "default",
            },
        });
        let body = making("userpass", &shown, settings(&shown));
        assert_eq!(
            body,
            json!({
                "type": "userpass", "description": "people",
                "config": {
                    "default_lease_ttl": 3600, "token_type": "default-service",
                    "user_lockout_config": {"lockout_threshold": 9, "lockout_disable": false},
                },
            })
        );
        let left: Vec<&String> =
            shown["config"].as_object().unwrap().iter().filter(|(k, v)| stays_behind(k, v)).map(|(k, _)| k).collect();
        assert_eq!(left, ["identity_token_key"]);
    }

    #[test]
    fn versions_and_types_make_the_sort() {
        let found = |has_versions| Mount {
            path: "kv/".into(),
            kind: "kv".into(),
            has_versions,
            is_planned: false,
            max_versions: 0,
        };
        let generic = json!({"type": "generic", "options": null});
        let versioned = json!({"type": "kv", "options": {"version": "2"}});
        assert!(found(false).same_sort(Some(&generic)) && found(true).same_sort(Some(&versioned)));
        assert!(!found(true).same_sort(Some(&generic)) && !found(false).same_sort(Some(&versioned)));
        assert!(found(true).same_sort(None));
    }
}
