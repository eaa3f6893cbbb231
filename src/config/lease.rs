//! How long tokens and leases live where nothing nearer to them says so.

use std::time::Duration;

use super::declared::Key;
use super::declared::Takes::Duration as Time;
use super::problem::ConfigError;
use super::section::Section;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseLimits {
    /// `default_lease_ttl`
    pub default: Duration,
    /// `max_lease_ttl`
    pub max: Duration,
}

pub const KEYS: &[Key] = &[
    Key::new(
        "default_lease_ttl",
        Time,
        "768h",
        "How long tokens and leases live where nothing nearer to them says so.",
    ),
    Key::new(
        "max_lease_ttl",
        Time,
        "768h",
        "How long they may live at most, renewed or not; a mount's own limit goes before.",
    ),
];

const DAY: Duration = Duration::from_secs(86_400);

impl Default for LeaseLimits {
    fn default() -> Self {
        Self { default: 32 * DAY, max: 32 * DAY }
    }
}

pub(super) fn read(top: &Section<'_>) -> Result<LeaseLimits, ConfigError> {
    let fallback = LeaseLimits::default();
    // Zero means "not set", as it does for a mount.
    let set = |value: Option<Duration>| value.filter(|value| !value.is_zero());
    let given = set(top.duration("default_lease_ttl")?);
    let max = set(top.duration("max_lease_ttl")?).unwrap_or(fallback.max);
    let default = given.unwrap_or(fallback.default.min(max));
    if let Some(entry) = top.entry("default_lease_ttl").filter(|_| default > max) {
        return Err(entry.bad(format!("it must not be longer than max_lease_ttl, which is {}s", max.as_secs())));
    }
    Ok(LeaseLimits { default, max })
}
