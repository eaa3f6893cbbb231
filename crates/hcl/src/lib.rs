#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod cursor;
mod error;
mod json;
mod native;
mod number;
mod position;
mod quoted;
mod tree;
mod unknown;

pub use error::HclError;
pub use position::Position;
pub use tree::{Block, Body, Item, Key, Kind, Value};
pub use unknown::{Unknown, nearest};

use cursor::Cursor;

/// Longest text that is read.
pub const MAX_BYTES: usize = 1 << 20;
/// Deepest nesting of objects and lists that is read.
pub const MAX_DEPTH: usize = 64;
/// Most values a text may hold.
pub const MAX_VALUES: usize = 100_000;

/// Reads HCL or, when the first character is `{`, JSON.
pub fn parse(text: &str) -> Result<Body, HclError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.len() > MAX_BYTES {
        return Err(HclError::new(
            Position::START,
            format!("the text is {} bytes long, at most {MAX_BYTES} are read", text.len()),
        ));
    }
    if let Some(at) = text.find('\0') {
        return Err(HclError::new(Position::of(text, at), "a NUL character is not allowed"));
    }
    let cursor = Cursor::new(text);
    if text.trim_start().starts_with('{') { json::read(cursor) } else { native::read(cursor) }
}

// In a test an unwrap is an assertion.
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
