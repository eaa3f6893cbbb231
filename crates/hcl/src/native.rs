//! The HCL form.

use crate::cursor::Cursor;
use crate::{Body, HclError, Item, Key, Kind, Position, Value, number, quoted};

pub(crate) fn read(mut cursor: Cursor<'_>) -> Result<Body, HclError> {
    body(&mut cursor, None, 1)
}

/// Items up to the closing brace of the object opened at `opened`, or to the end of the text.
fn body(cursor: &mut Cursor<'_>, opened: Option<Position>, depth: usize) -> Result<Body, HclError> {
    let mut items = Vec::new();
    loop {
        skip(cursor)?;
        match (cursor.peek(), opened) {
            (None, None) => break,
            (None, Some(opened)) => return Err(cursor.unexpected(&format!("the `}}` that closes the one at {opened}"))),
            (Some('}'), Some(_)) => {
                cursor.bump();
                break;
            }
            _ => items.push(item(cursor, depth)?),
        }
        skip(cursor)?;
        cursor.eat(',');
    }
    Ok(Body { items })
}

fn item(cursor: &mut Cursor<'_>, depth: usize) -> Result<Item, HclError> {
    let at = cursor.at();
    cursor.count(depth)?;
    let mut keys: Vec<Key> = Vec::new();
    loop {
        skip(cursor)?;
        let here = cursor.at();
        match cursor.peek() {
            Some('"') => keys.push(Key { text: quoted::hcl(cursor)?, at: here }),
            Some(c) if starts_word(c) => keys.push(Key { text: word(cursor).to_owned(), at: here }),
            Some('=') if keys.len() == 1 => {
                cursor.bump();
                let value = value(cursor, depth)?;
                return Ok(Item { keys, value, at });
            }
            Some('{') if !keys.is_empty() => {
                let value = object(cursor, depth)?;
                return Ok(Item { keys, value, at });
            }
            _ => {
                let wanted = match keys.len() {
                    0 => "a key".to_owned(),
                    1 => format!("`=` or `{{` after the key `{}`", keys[0].text),
                    _ => format!("`{{` after the labels of `{}`", keys[0].text),
                };
                return Err(cursor.unexpected(&wanted));
            }
        }
    }
}

fn value(cursor: &mut Cursor<'_>, depth: usize) -> Result<Value, HclError> {
    skip(cursor)?;
    let at = cursor.at();
    let kind = match cursor.peek() {
        Some('"') => Kind::String(quoted::hcl(cursor)?),
        Some('<') => Kind::String(quoted::heredoc(cursor)?),
        Some('{') => return object(cursor, depth),
        Some('[') => Kind::List(list(cursor, depth + 1)?),
        Some(c) if c == '-' || c == '.' || c.is_ascii_digit() => number::hcl(cursor)?,
        Some(c) if starts_word(c) => match word(cursor) {
            "true" => Kind::Bool(true),
            "false" => Kind::Bool(false),
            other => return Err(HclError::new(at, format!("the value `{other}` needs quotes"))),
        },
        _ => return Err(cursor.unexpected("a value")),
    };
    Ok(Value { kind, at })
}

fn object(cursor: &mut Cursor<'_>, depth: usize) -> Result<Value, HclError> {
    let at = cursor.at();
    cursor.bump();
    Ok(Value { kind: Kind::Object(body(cursor, Some(at), depth + 1)?), at })
}

fn list(cursor: &mut Cursor<'_>, depth: usize) -> Result<Vec<Value>, HclError> {
    let opened = cursor.at();
    cursor.bump();
    let mut values = Vec::new();
    let mut separated = true;
    loop {
        skip(cursor)?;
        match cursor.peek() {
            None => return Err(cursor.unexpected(&format!("the `]` that closes the one at {opened}"))),
            Some(']') => {
                cursor.bump();
                return Ok(values);
            }
            // Repeated commas are harmless, and the reader this one stands in for took them.
            Some(',') => {
                cursor.bump();
                separated = true;
            }
            _ if !separated => return Err(cursor.unexpected("`,` or `]`")),
            _ => {
                cursor.count(depth)?;
                values.push(value(cursor, depth)?);
                separated = false;
            }
        }
    }
}

/// White space and comments.
fn skip(cursor: &mut Cursor<'_>) -> Result<(), HclError> {
    loop {
        cursor.skip_space();
        match (cursor.peek(), cursor.peek_second()) {
            (Some('#'), _) | (Some('/'), Some('/')) => {
                cursor.take_while(|c| c != '\n');
            }
            (Some('/'), Some('*')) => comment(cursor)?,
            _ => return Ok(()),
        }
    }
}

fn comment(cursor: &mut Cursor<'_>) -> Result<(), HclError> {
    let opened = cursor.at();
    cursor.bump();
    cursor.bump();
    loop {
        match cursor.bump() {
            None => return Err(HclError::new(opened, "the comment that begins here is not closed with `*/`")),
            Some('*') if cursor.eat('/') => return Ok(()),
            Some(_) => {}
        }
    }
}

fn word<'a>(cursor: &mut Cursor<'a>) -> &'a str {
    cursor.take_while(|c| starts_word(c) || c.is_numeric() || c == '-' || c == '.')
}

fn starts_word(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}
