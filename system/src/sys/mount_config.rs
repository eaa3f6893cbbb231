//! What `config` of a mount and `tune` take: limits, header lists, visibility, and for auth mounts the type of their tokens
//! and how users are locked out.

use holdfast_core::mount::{Mount, Table, UserLockout};
use sdk::duration::{SECOND, parse};
use sdk::{CommaList, Failure, FromField, Map, Result, Value};

/// The methods whose users can be locked out.
const LOCKING: [&str; 3] = ["userpass", "approle", "ldap"];

/// Takes what is given; leaves the rest.
pub fn set(mount: &mut Mount, given: &Map<String, Value>) -> Result<()> {
    for (name, value) in given {
        let wrong = |why: String| Failure::Invalid(format!("invalid {name}: {why}"));
        let list = || CommaList::from_field(value).map(|list| Some(list.0)).map_err(wrong);
        let text = || String::from_field(value).map_err(wrong);
        match name.as_str() {
            "default_lease_ttl" | "max_lease_ttl" if says_nothing(value) => {}
            "default_lease_ttl" => mount.config.default_lease_ttl = ttl("default", value)?,
            "max_lease_ttl" => mount.config.max_lease_ttl = ttl("max", value)?,
            // Auth mounts are not cached, so there is nothing to turn off.
            "force_no_cache" if mount.table == Table::Auth => {}
            "force_no_cache" => mount.config.force_no_cache = bool::from_field(value).map_err(wrong)?,
            "listing_visibility" => mount.config.listing_visibility = visibility(&text()?)?,
            "audit_non_hmac_request_keys" => mount.config.audit_non_hmac_request_keys = list()?,
            "audit_non_hmac_response_keys" => mount.config.audit_non_hmac_response_keys = list()?,
            "passthrough_request_headers" => mount.config.passthrough_request_headers = list()?,
            "allowed_response_headers" => mount.config.allowed_response_headers = list()?,
            "token_type" => mount.config.token_type = token_type(mount, &text()?)?,
            "user_lockout_config" => mount.config.user_lockout = Some(lockout(mount, value)?),
            _ => {}
        }
    }
    Ok(())
}

/// Clients send every field that they know, and empty what they do not mean to change.
fn says_nothing(ttl: &Value) -> bool {
    ttl.is_null() || ttl.as_str().is_some_and(str::is_empty)
}

/// Seconds. "system" and nothing both mean the server's own limit, which is zero here.
fn ttl(which: &str, value: &Value) -> Result<u64> {
    let text = match value {
        Value::Number(n) => n.to_string(),
        Value::String(text) if text == "system" => return Ok(0),
        Value::String(text) => text.clone(),
        Value::Null => return Ok(0),
        other => other.to_string(),
    };
    let nanos = parse(&text).filter(|n| *n >= 0);
    let seconds = nanos.and_then(|n| u64::try_from(n / SECOND).ok());
    seconds.ok_or_else(|| {
        Failure::Invalid(format!(
            "unable to parse {which} TTL of {text}: it must be a duration, as 3600, \"1h\" or \"2d\""
        ))
    })
}

fn visibility(text: &str) -> Result<Option<String>> {
    match text {
        "" => Ok(None),
        "hidden" | "unauth" => Ok(Some(text.to_owned())),
        other => Err(Failure::Invalid(format!("invalid listing_visibility {other}; it is \"hidden\" or \"unauth\""))),
    }
}

fn token_type(mount: &Mount, text: &str) -> Result<Option<String>> {
    if mount.table != Table::Auth {
        return Err(Failure::invalid("'token_type' can only be set on auth mounts"));
    }
    if mount.is_builtin() {
        return Err(Failure::invalid(
            "'token_type' cannot be set for the token mount: each request there says its type",
        ));
    }
    match text {
        "" => Ok(None),
        "service" | "batch" | "default-service" | "default-batch" => Ok(Some(text.to_owned())),
        other => Err(Failure::Invalid(format!(
            "invalid value for 'token_type' {other:?}; it is service, batch, default-service or default-batch"
        ))),
    }
}

fn lockout(mount: &Mount, value: &Value) -> Result<UserLockout> {
    if mount.table != Table::Auth || !LOCKING.contains(&mount.type_name.as_str()) {
        return Err(Failure::Invalid(format!(
            "user_lockout_config: users of {} cannot be locked out; those of {} can",
            mount.full_path(),
            LOCKING.join(", ")
        )));
    }
    let given =
        Map::from_field(value).map_err(|why| Failure::Invalid(format!("invalid user_lockout_config: {why}")))?;
    let mut lockout = mount.config.user_lockout.clone().unwrap_or_default();
    for (name, value) in &given {
        let wrong = |why: String| Failure::Invalid(format!("unable to parse {name} of user_lockout_config: {why}"));
        match name.as_str() {
            "lockout_threshold" => {
                let threshold = i64::from_field(value).map_err(wrong)?;
                lockout.threshold = u64::try_from(threshold).map_err(|_| wrong("it cannot be negative".into()))?;
            }
            "lockout_duration" => lockout.duration = ttl("lockout duration", value)?,
            "lockout_counter_reset_duration" => lockout.counter_reset = ttl("lockout counter reset", value)?,
            "lockout_disable" => lockout.disable = bool::from_field(value).map_err(wrong)?,
            _ => {}
        }
    }
    Ok(lockout)
}
