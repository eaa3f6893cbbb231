//! The JSON form. A small reader of its own, because positions and repeated keys are wanted, which JSON libraries drop.

use crate::cursor::Cursor;
use crate::{Body, HclError, Item, Key, Kind, Value, number, quoted};

pub(crate) fn read(mut cursor: Cursor<'_>) -> Result<Body, HclError> {
    // `trim_start` chose this form, and Unicode knows more white space than JSON does.
    cursor.take_while(char::is_whitespace);
    let body = object(&mut cursor, 1)?;
    cursor.skip_space();
    match cursor.peek() {
        None => Ok(body),
        Some(_) => Err(cursor.unexpected("the end of the text")),
    }
}

fn object(cursor: &mut Cursor<'_>, depth: usize) -> Result<Body, HclError> {
    let opened = cursor.at();
    cursor.bump();
    let mut items = Vec::new();
    loop {
        cursor.skip_space();
        match cursor.peek() {
            Some('}') => break,
            Some('"') => items.push(item(cursor, depth)?),
            None => return Err(cursor.unexpected(&format!("the `}}` that closes the one at {opened}"))),
            Some(_) => return Err(cursor.unexpected("a key in quotes")),
        }
        cursor.skip_space();
        if !cursor.eat(',') {
            break;
        }
    }
    if !cursor.eat('}') {
        return Err(cursor.unexpected(&format!("`,` or the `}}` that closes the one at {opened}")));
    }
    Ok(Body { items })
}

fn item(cursor: &mut Cursor<'_>, depth: usize) -> Result<Item, HclError> {
    let at = cursor.at();
    cursor.count(depth)?;
    let text = quoted::json(cursor)?;
    cursor.skip_space();
    if !cursor.eat(':') {
        return Err(cursor.unexpected(&format!("`:` after the key `{text}`")));
    }
    let value = value(cursor, depth)?;
    Ok(Item { keys: vec![Key { text, at }], value, at })
}

fn value(cursor: &mut Cursor<'_>, depth: usize) -> Result<Value, HclError> {
    cursor.skip_space();
    let at = cursor.at();
    let kind = match cursor.peek() {
        Some('"') => Kind::String(quoted::json(cursor)?),
        Some('{') => Kind::Object(object(cursor, depth + 1)?),
        Some('[') => Kind::List(list(cursor, depth + 1)?),
        Some(c) if c == '-' || c.is_ascii_digit() => number::json(cursor)?,
        Some(c) if c.is_ascii_alphabetic() => match cursor.take_while(|c| c.is_alphanumeric()) {
            "true" => Kind::Bool(true),
            "false" => Kind::Bool(false),
            "null" => Kind::Null,
            other => return Err(HclError::new(at, format!("the value `{other}` needs quotes"))),
        },
        _ => return Err(cursor.unexpected("a value")),
    };
    Ok(Value { kind, at })
}

fn list(cursor: &mut Cursor<'_>, depth: usize) -> Result<Vec<Value>, HclError> {
    let opened = cursor.at();
    cursor.bump();
    let mut values = Vec::new();
    loop {
        cursor.skip_space();
        match cursor.peek() {
            Some(']') => break,
            None => return Err(cursor.unexpected(&format!("the `]` that closes the one at {opened}"))),
            _ => {
                cursor.count(depth)?;
                values.push(value(cursor, depth)?);
            }
        }
        cursor.skip_space();
        if !cursor.eat(',') {
            break;
        }
    }
    if !cursor.eat(']') {
        return Err(cursor.unexpected(&format!("`,` or the `]` that closes the one at {opened}")));
    }
    Ok(values)
}
