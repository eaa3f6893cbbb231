mod blocks;
mod hostile;
mod json;
mod native;

use crate::{Body, parse};

/// Reads a text that must be right.
fn read(text: &str) -> Body {
    match parse(text) {
        Ok(body) => body,
        Err(error) => panic!("{text:?} was refused: {error}"),
    }
}

/// The message a text is refused with.
fn refused(text: &str) -> String {
    match parse(text) {
        Ok(body) => panic!("{text:?} was read as {body:?}"),
        Err(error) => error.to_string(),
    }
}

/// The text of the attribute `a`.
fn text(source: &str) -> String {
    let body = read(source);
    body.get("a").and_then(|value| value.as_str()).unwrap_or_else(|| panic!("no text in {body:?}")).to_owned()
}
