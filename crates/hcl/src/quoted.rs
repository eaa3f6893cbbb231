//! Texts in quotes and heredocs.

use crate::HclError;
use crate::cursor::Cursor;

/// A text in quotes, as HCL writes it. The cursor stands on the opening quote.
pub(crate) fn hcl(cursor: &mut Cursor<'_>) -> Result<String, HclError> {
    let opened = cursor.at();
    cursor.bump();
    // Bytes, because `\xc3\xa9` names one character in two escapes.
    let mut bytes = Vec::new();
    loop {
        let at = cursor.at();
        match cursor.bump() {
            None | Some('\n') => return Err(HclError::new(opened, "the text that begins here has no closing quote")),
            Some('"') => break,
            Some('$') if cursor.peek() == Some('{') => interpolation(cursor, &mut bytes)?,
            Some('\\') => match escape(cursor).ok_or_else(|| HclError::new(at, BAD_ESCAPE))? {
                Escaped::Byte(byte) => bytes.push(byte),
                Escaped::Char(c) => push(&mut bytes, c),
            },
            Some(c) => push(&mut bytes, c),
        }
    }
    String::from_utf8(bytes).map_err(|_| HclError::new(opened, "the escapes of this text do not make UTF-8"))
}

/// A text in quotes, as JSON writes it.
pub(crate) fn json(cursor: &mut Cursor<'_>) -> Result<String, HclError> {
    let opened = cursor.at();
    cursor.bump();
    let mut text = String::new();
    loop {
        let at = cursor.at();
        match cursor.bump() {
            None | Some('\n') => return Err(HclError::new(opened, "the text that begins here has no closing quote")),
            Some('"') => return Ok(text),
            Some('\\') => text.push(json_escape(cursor).ok_or_else(|| HclError::new(at, BAD_ESCAPE))?),
            Some(c) => text.push(c),
        }
    }
}

/// `<<EOF` or `<<-EOF` up to the line that holds the same word alone. The cursor stands on the first `<`.
pub(crate) fn heredoc(cursor: &mut Cursor<'_>) -> Result<String, HclError> {
    let opened = cursor.at();
    cursor.bump();
    if !cursor.eat('<') {
        return Err(cursor.unexpected("a second `<`"));
    }
    let indented = cursor.eat('-');
    let word = cursor.take_while(|c| c == '_' || c.is_alphanumeric());
    cursor.eat('\r');
    if word.is_empty() || !cursor.eat('\n') {
        return Err(HclError::new(opened, "`<<` needs a word and then a new line"));
    }
    let mut lines = Vec::new();
    loop {
        if cursor.peek().is_none() {
            return Err(HclError::new(opened, format!("no line with `{word}` alone closes this text")));
        }
        let line = cursor.take_while(|c| c != '\n');
        let line = line.trim_end_matches('\r');
        if line.trim_start() == word {
            let indent = &line[..line.len() - word.len()];
            return Ok(if indented { dedent(&lines, indent) } else { joined(&lines) + indent });
        }
        cursor.eat('\n');
        lines.push(line);
    }
}

/// Removes the closing line's indentation from every line, if every line has it.
fn dedent(lines: &[&str], indent: &str) -> String {
    match lines.iter().map(|line| line.strip_prefix(indent)).collect::<Option<Vec<_>>>() {
        Some(stripped) => joined(&stripped),
        None => joined(lines),
    }
}

fn joined(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| [*line, "\n"]).collect()
}

/// `${…}` is kept as written, up to its matching brace. The cursor stands on the `{`.
fn interpolation(cursor: &mut Cursor<'_>, bytes: &mut Vec<u8>) -> Result<(), HclError> {
    let opened = cursor.at();
    bytes.push(b'$');
    let mut braces = 0usize;
    loop {
        let Some(c) = cursor.bump() else {
            return Err(HclError::new(opened, "the `${` that begins here has no closing `}`"));
        };
        push(bytes, c);
        match c {
            '{' => braces += 1,
            '}' if braces == 1 => return Ok(()),
            '}' => braces -= 1,
            _ => {}
        }
    }
}

enum Escaped {
    Byte(u8),
    Char(char),
}

fn escape(cursor: &mut Cursor<'_>) -> Option<Escaped> {
    let c = cursor.peek()?;
    if c.is_digit(8) {
        return u8::try_from(digits(cursor, 8, 3)?).ok().map(Escaped::Byte);
    }
    cursor.bump();
    Some(Escaped::Char(match c {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        '\\' | '"' => c,
        'x' => return u8::try_from(digits(cursor, 16, 2)?).ok().map(Escaped::Byte),
        'u' => char::from_u32(digits(cursor, 16, 4)?)?,
        'U' => char::from_u32(digits(cursor, 16, 8)?)?,
        _ => return None,
    }))
}

fn json_escape(cursor: &mut Cursor<'_>) -> Option<char> {
    Some(match cursor.bump()? {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        c @ ('"' | '\\' | '/') => c,
        'u' => {
            let first = digits(cursor, 16, 4)?;
            if (0xd800..0xdc00).contains(&first) {
                let second = (cursor.eat('\\') && cursor.eat('u')).then(|| digits(cursor, 16, 4))??;
                let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                char::from_u32(0x10000 + ((first - 0xd800) << 10) + low)?
            } else {
                char::from_u32(first)?
            }
        }
        _ => return None,
    })
}

/// Exactly `count` digits as a number; `count` is at most 8, so it fits.
fn digits(cursor: &mut Cursor<'_>, radix: u32, count: usize) -> Option<u32> {
    let mut number = 0u32;
    for _ in 0..count {
        let digit = cursor.peek()?.to_digit(radix)?;
        number = number.checked_mul(radix)?.checked_add(digit)?;
        cursor.bump();
    }
    Some(number)
}

fn push(bytes: &mut Vec<u8>, c: char) {
    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

const BAD_ESCAPE: &str = "this `\\` begins no known escape (write `\\\\` for a backslash)";
