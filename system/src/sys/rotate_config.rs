//! `sys/rotate/config`, `sys/rotate/keyring/config`: when a new data key is made by itself.

use holdfast_core::lifecycle::{RotationConfig, rotation_key};
use schemars::JsonSchema;
use sdk::{Answer, Ctx, Failure, Input, Path, Read, Reply, Seconds, Txn, Verb, View};
use serde::Serialize;

#[derive(Input)]
struct Nothing {}

#[derive(Input)]
struct Change {
    /// After so many encryptions.
    max_operations: Option<i64>,
    /// After so long; 0 for never.
    interval: Option<Seconds>,
    /// Whether it happens by itself at all.
    enabled: Option<bool>,
}

#[derive(Serialize, JsonSchema)]
struct Config {
    max_operations: u64,
    /// In seconds; 0 for never.
    interval: u64,
    enabled: bool,
}

pub fn path(pattern: &'static str) -> Path {
    Path::new(pattern)
        .help("Configures automatic rotation.", "A new data key is made after so many encryptions, or so long.")
        .view(Verb::Read, |_: &Ctx, Nothing {}: Nothing, view: &View| {
            let config = view.get::<RotationConfig>(&rotation_key())?.unwrap_or_default();
            Reply::mirrored(Config {
                max_operations: config.max_operations,
                interval: config.interval,
                enabled: config.enabled,
            })
        })
        .txn(Verb::Write, |_: &Ctx, change: Change, txn: &mut Txn| {
            let mut config = txn.get_for_update::<RotationConfig>(&rotation_key())?.unwrap_or_default();
            if let Some(most) = change.max_operations {
                let (min, max) = (RotationConfig::MAX_OPERATIONS_MIN, RotationConfig::MAX_OPERATIONS_MAX);
                config.max_operations = u64::try_from(most)
                    .ok()
                    .filter(|most| (min..=max).contains(most))
                    .ok_or_else(|| Failure::invalid(format!("max_operations must be in the range [{min},{max}]")))?;
            }
            if let Some(Seconds(interval)) = change.interval {
                if !interval.is_zero() && interval < RotationConfig::INTERVAL_MIN {
                    return Err(Failure::invalid("interval must be 0, for never, or at least 24h"));
                }
                config.interval = interval.as_secs();
            }
            config.enabled = change.enabled.unwrap_or(config.enabled);
            txn.put(&rotation_key(), &config)?;
            Ok(Answer::empty())
        })
}
