//! Durations as the wire writes them.
//!
//! Accepted: a number of seconds (`300`, `"300"`), Go's form (`"1h30m"`, `"1.5s"`, `"250ms"`), and whole days
//! (`"2d"`). Not accepted, as by the servers that clients know: `"1d12h"`, `"1w"`.

use std::fmt::Write;

/// Nanoseconds, signed. An empty text is zero.
pub fn parse(text: &str) -> Option<i128> {
    if text.is_empty() {
        return Some(0);
    }
    if let Some(days) = text.strip_suffix('d') {
        let days: i128 = days.parse().ok()?;
        return days.checked_mul(86_400 * SECOND);
    }
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(i128::from(seconds) * SECOND);
    }
    let (negative, mut rest) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest.is_empty() {
        return None;
    }
    let mut total = 0_i128;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|i| *i > 0)?;
        let number = &rest[..digits];
        rest = &rest[digits..];
        let unit_len = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = unit(&rest[..unit_len])?;
        rest = &rest[unit_len..];
        total = total.checked_add(scaled(number, unit)?)?;
    }
    i64::try_from(total).ok()?;
    Some(if negative { -total } else { total })
}

pub const SECOND: i128 = 1_000_000_000;

fn unit(text: &str) -> Option<i128> {
    Some(match text {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3_600 * SECOND,
        _ => return None,
    })
}

fn scaled(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') || whole.len() > 20 || fraction.len() > 18 {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    whole.checked_mul(unit)?.checked_add(part.checked_mul(unit)? / scale)
}

/// Go's form of a duration: `1h0m0s`, `1m30s`, `1.5s`, `-1s`, `0s`.
pub fn go(nanos: i128) -> String {
    let mut out = String::new();
    if nanos < 0 {
        out.push('-');
    }
    let n = nanos.unsigned_abs();
    let fraction = |out: &mut String, value: u128, unit: u128, name: &str| {
        let (whole, part) = (value / unit, value % unit);
        let _ = write!(out, "{whole}");
        if part > 0 {
            let width = unit.ilog10() as usize;
            let digits = format!("{part:0width$}");
            let _ = write!(out, ".{}", digits.trim_end_matches('0'));
        }
        out.push_str(name);
    };
    match n {
        0 => out.push_str("0s"),
        1..1_000 => fraction(&mut out, n, 1, "ns"),
        1_000..1_000_000 => fraction(&mut out, n, 1_000, "µs"),
        1_000_000..1_000_000_000 => fraction(&mut out, n, 1_000_000, "ms"),
        _ => {
            let minutes = n / 60_000_000_000;
            if minutes >= 60 {
                let _ = write!(out, "{}h", minutes / 60);
            }
            if minutes > 0 {
                let _ = write!(out, "{}m", minutes % 60);
            }
            fraction(&mut out, n % 60_000_000_000, 1_000_000_000, "s");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_the_wire() {
        for (text, seconds) in [("5m", 300), ("300", 300), ("2d", 172_800), ("1h30m", 5_400), ("-1s", -1), ("", 0)] {
            assert_eq!(parse(text), Some(seconds * SECOND), "{text}");
        }
        assert_eq!(parse("1.5s"), Some(1_500_000_000));
        for bad in ["1w", "1d12h", "x", "5 m", " 5m", "5m ", "-", "1.2.3s", "h", "9999999999999999999999h", "."] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn writes_as_go_does() {
        let of = |text| go(parse(text).unwrap());
        for text in ["3h25m19s", "1m30s", "0s", "-1s", "1.5s", "250ms", "1h0m0s", "1.05ms"] {
            assert_eq!(of(text), text);
        }
        assert_eq!(of("90"), "1m30s");
    }
}
