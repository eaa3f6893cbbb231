//! Numbers of both forms.

use crate::cursor::Cursor;
use crate::{HclError, Kind};

/// `12`, `-3`, `0x1f`, `0755`, `1.5`, `.5`, `2e10`.
pub(crate) fn hcl(cursor: &mut Cursor<'_>) -> Result<Kind, HclError> {
    let at = cursor.at();
    let text = token(cursor);
    let digits = text.strip_prefix('-').unwrap_or(text);
    let read = if let Some(hex) = digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        integer(text, hex, 16)
    } else if digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()) {
        integer(text, digits, 8)
    } else {
        decimal(text, digits)
    };
    read.ok_or_else(|| HclError::new(at, complaint(text)))
}

/// JSON knows decimal numbers only.
pub(crate) fn json(cursor: &mut Cursor<'_>) -> Result<Kind, HclError> {
    let at = cursor.at();
    let text = token(cursor);
    let digits = text.strip_prefix('-').unwrap_or(text);
    decimal(text, digits).ok_or_else(|| HclError::new(at, complaint(text)))
}

/// Everything that looks like part of the number, so that `5m` is one wrong number and not a number and a key.
fn token<'a>(cursor: &mut Cursor<'a>) -> &'a str {
    let start = cursor.rest();
    let mut before = '-';
    while let Some(c) = cursor.peek() {
        let sign = matches!(c, '-' | '+') && (matches!(before, 'e' | 'E') || cursor.rest().len() == start.len());
        if !(c.is_alphanumeric() || c == '.' || sign) {
            break;
        }
        before = c;
        cursor.bump();
    }
    &start[..start.len() - cursor.rest().len()]
}

fn integer(text: &str, digits: &str, radix: u32) -> Option<Kind> {
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = i128::from(u64::from_str_radix(digits, radix).ok()?);
    let signed = if text.starts_with('-') { -magnitude } else { magnitude };
    i64::try_from(signed).ok().map(Kind::Integer)
}

fn decimal(text: &str, digits: &str) -> Option<Kind> {
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok().map(Kind::Integer);
    }
    // Rust's float syntax also has "inf" and "nan", which are not numbers here.
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    text.parse().ok().filter(|float: &f64| float.is_finite()).map(Kind::Float)
}

fn complaint(text: &str) -> String {
    let shown: String = text.chars().take(40).collect();
    format!("`{shown}` is not a number of 64 bits (a duration or a word needs quotes)")
}
