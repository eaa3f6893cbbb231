//! Durations as Vault's users write them (`90`, `30s`, `1h30m`, `2d`) and read them (`768h`, `1h30m`).

use std::time::Duration;

/// A number of seconds, or numbers with units: `ns`, `us`, `ms`, `s`, `m`, `h`, and `d` alone.
pub fn parse(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    if let Some(days) = text.strip_suffix('d') {
        return days.parse::<u64>().ok()?.checked_mul(86_400).map(Duration::from_secs);
    }
    let (mut rest, mut total) = (text, Duration::ZERO);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let unit = match unit {
            "ns" => 1e-9,
            "us" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        let part = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * unit).ok()?;
        total = total.checked_add(part)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

/// Whole seconds, without the units that are nought: 2764800 is `768h`, 90 is `1m30s`.
pub fn for_people(seconds: u64) -> String {
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let text: String = parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        let seconds = |text| parse(text).map(|duration| duration.as_secs_f64());
        assert_eq!(seconds("90"), Some(90.0));
        assert_eq!(seconds("1h30m"), Some(5400.0));
        assert_eq!(seconds("2d"), Some(172_800.0));
        assert_eq!(seconds("1.5s"), Some(1.5));
        for nonsense in ["", "x", "1w", "1d12h", "-1s", "s", "1hh"] {
            assert_eq!(seconds(nonsense), None, "{nonsense:?}");
        }
    }

    #[test]
    fn durations_are_shown() {
        assert_eq!([2_764_800, 90, 5400, 0, 3601].map(for_people), ["768h", "1m30s", "1h30m", "0s", "1h1s"]);
    }
}
