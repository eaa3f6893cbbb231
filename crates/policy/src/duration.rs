//! Durations as policies write them: a number of seconds, or a text such as `300`, `5m`, `1h30m`, `1.5h`, `2d`.

use std::time::Duration;

use hcl::{Kind, Value};

/// The duration `value` stands for, or a sentence about what is wrong.
pub(crate) fn read(value: &Value) -> Result<Duration, String> {
    match &value.kind {
        Kind::Integer(seconds) => {
            u64::try_from(*seconds).map(Duration::from_secs).map_err(|_| format!("duration {seconds} is negative"))
        }
        Kind::Float(seconds) if *seconds >= 0.0 && *seconds < SECONDS_MAX => Ok(Duration::from_secs(*seconds as u64)),
        Kind::String(text) => parse(text).ok_or_else(|| format!("invalid duration {text:?}")),
        _ => Err(format!("a duration is a text such as \"5m\" or a number of seconds, not {}", value.describe())),
    }
}

/// Days stand alone: `2d` is one, `1d12h` is not.
fn parse(text: &str) -> Option<Duration> {
    if text.is_empty() {
        return Some(Duration::ZERO);
    }
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    if let Some(days) = text.strip_suffix('d') {
        return days.parse::<u64>().ok()?.checked_mul(86_400).map(Duration::from_secs);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut total = 0.0f64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).filter(|at| *at > 0)?;
        let (number, after) = rest.split_at(digits);
        let unit = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        total += number.parse::<f64>().ok()? * seconds_per(unit)?;
        rest = after;
    }
    (total < SECONDS_MAX).then(|| Duration::from_secs_f64(total))
}

fn seconds_per(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1e-9,
        "us" | "µs" | "μs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    })
}

/// About 292 years, which is also where other servers stop.
const SECONDS_MAX: f64 = 9_223_372_036.0;
