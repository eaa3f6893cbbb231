//! `user_lockout "userpass"`: when users who get their credentials wrong have to wait. `"all"` is for every method that has
//! no block of its own; what a mount is tuned to goes before both.

use holdfast_core::lockout::LockoutDefaults;
use holdfast_core::mount::UserLockout;

use super::declared::Takes::{Duration, Flag, Number};
use super::declared::{Key, Table};
use super::problem::{ConfigError, Warning};
use super::section::Section;

pub const TABLE: Table = Table {
    label: "",
    about: "When users of a login method who get their credentials wrong are not let in for a while. The label is the \
            method: `userpass`, `ldap`, `approle`, or `all` for those without a block. A mount's tuning goes before it.",
    keys: &[&[
        Key::new("lockout_threshold", Number, "5", "Wrong logins in a row that lock a user out."),
        Key::new("lockout_duration", Duration, "15m", "How long the user has to wait then."),
        Key::new("lockout_counter_reset", Duration, "15m", "After how long without one wrong logins are forgotten."),
        Key::new("disable_lockout", Flag, "false", "Nobody is locked out."),
    ]],
};

const MOST: u64 = 1_000_000;

pub(super) fn read(top: &Section<'_>, warnings: &mut Vec<Warning>) -> Result<LockoutDefaults, ConfigError> {
    let (mut all, mut by_method) = (None, Vec::new());
    for (labels, section) in top.blocks("user_lockout")? {
        let seconds = |key| section.duration(key).map(|span| span.map_or(0, |span| span.as_secs()));
        let threshold = section.entry("lockout_threshold").map(|entry| entry.number_in(0, MOST)).transpose()?;
        let disable = section.flag("disable_lockout")?;
        let rules = UserLockout {
            threshold: threshold.unwrap_or(0),
            duration: seconds("lockout_duration")?,
            counter_reset: seconds("lockout_counter_reset")?,
            disable: disable.unwrap_or(false),
        };
        match labels[0].as_str() {
            "all" => all = Some(rules),
            method @ ("userpass" | "ldap" | "approle") => by_method.push((method.to_owned(), rules, disable)),
            other => {
                let problem = format!("user_lockout {other:?} is not offered: it is userpass, ldap, approle or all");
                return Err(ConfigError::BadBlock { place: section.place(), problem });
            }
        }
        section.finish(warnings)?;
    }
    let mut defaults = LockoutDefaults::default();
    if let Some(rules) = all {
        defaults.all = rules.or(&UserLockout::USUAL);
    }
    for (method, rules, disable) in by_method {
        let disable = disable.unwrap_or(defaults.all.disable);
        defaults.by_method.insert(method, UserLockout { disable, ..rules.or(&defaults.all).or(&UserLockout::USUAL) });
    }
    Ok(defaults)
}
