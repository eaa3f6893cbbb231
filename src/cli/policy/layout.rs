//! How HCL is laid out: two spaces a level, one around `=`, no empty lines in a row.
//!
//! Works on the text, so comments stay. A line break is never added or taken away within a line: what stood together
//! stands together. Here-documents and long comments stay as they are.

/// Of a text that parses.
pub fn of(text: &str) -> String {
    let mut out = String::new();
    let (mut depth, mut empty_before) = (0_usize, true);
    let mut inside = Inside::Nothing;
    for line in text.lines() {
        if inside != Inside::Nothing {
            out.push_str(line.trim_end_matches('\r'));
            out.push('\n');
            inside = inside.after(line);
            empty_before = false;
            continue;
        }
        let line = line.trim();
        if line.is_empty() {
            if !empty_before {
                out.push('\n');
            }
            empty_before = true;
            continue;
        }
        empty_before = false;
        let read = scan(line);
        // A line that begins with what closes stands where that was opened.
        let level = depth.saturating_sub(read.closes_first);
        out.push_str(&"  ".repeat(level));
        out.push_str(&spaced(line, read.equals));
        out.push('\n');
        depth = (depth + read.opens).saturating_sub(read.closes);
        inside = read.inside;
    }
    let mut out = out.trim_end().to_owned();
    out.push('\n');
    out
}

#[derive(Clone, PartialEq, Eq)]
enum Inside {
    Nothing,
    Comment,
    HereDocument(String),
}

impl Inside {
    fn after(self, line: &str) -> Inside {
        let ends = match &self {
            Inside::Nothing => false,
            Inside::Comment => line.contains("*/"),
            Inside::HereDocument(mark) => line.trim() == mark,
        };
        if ends { Inside::Nothing } else { self }
    }
}

struct Scanned {
    opens: usize,
    closes: usize,
    closes_first: usize,
    /// Where the first `=` of the line stands.
    equals: Option<usize>,
    inside: Inside,
}

fn scan(line: &str) -> Scanned {
    let mut found = Scanned { opens: 0, closes: 0, closes_first: 0, equals: None, inside: Inside::Nothing };
    let (mut quoted, mut escaped, mut only_closed) = (false, false, true);
    let mut signs = line.char_indices().peekable();
    while let Some((at, sign)) = signs.next() {
        if quoted {
            quoted = escaped || sign != '"';
            escaped = !escaped && sign == '\\';
            continue;
        }
        let next = signs.peek().map(|(_, sign)| *sign);
        match sign {
            '"' => quoted = true,
            '{' | '[' => found.opens += 1,
            '}' | ']' => {
                found.closes += 1;
                found.closes_first += usize::from(only_closed);
            }
            '=' if found.equals.is_none() => found.equals = Some(at),
            '#' => break,
            '/' if next == Some('/') => break,
            '/' if next == Some('*') => {
                // What follows a comment within a line is left to itself: it is as good as never there.
                if !line[at..].contains("*/") {
                    found.inside = Inside::Comment;
                }
                break;
            }
            '<' if next == Some('<') => {
                let mark = line[at + 2..].trim_start_matches('-').trim();
                found.inside = Inside::HereDocument(mark.to_owned());
                break;
            }
            _ => {}
        }
        only_closed &= matches!(sign, '}' | ']' | ' ' | ',');
    }
    found
}

fn spaced(line: &str, equals: Option<usize>) -> String {
    match equals {
        Some(at) => format!("{} = {}", line[..at].trim_end(), line[at + 1..].trim_start()),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn levels_signs_and_empty_lines() {
        let text = "\n\n# all of it\npath \"a=b/{x}\"   {\ncapabilities=[\"read\",\n\"list\"]\n\n\n      }\npath \"c\" { capabilities =   [\"read\"] }";
        assert_eq!(
            of(text),
            "# all of it\npath \"a=b/{x}\"   {\n  capabilities = [\"read\",\n    \"list\"]\n\n}\n\
             path \"c\" { capabilities = [\"read\"] }\n"
        );
    }

    #[test]
    fn what_stays_as_it_is() {
        let text = "/* a\n   {{{\n */\na = <<EOT\n  x = {\nEOT\nb = 1 # = {\n";
        assert_eq!(of(text), text);
        assert_eq!(of(&of("a {\nb=1\n}")), "a {\n  b = 1\n}\n");
    }
}
