//! What a namespace may be called.

/// What requests begin with, and what they mean by the root.
const RESERVED: [&str; 6] = ["root", "sys", "audit", "auth", "cubbyhole", "identity"];

/// The longest name, in bytes.
const NAME_MAX: usize = 256;

/// Why a namespace cannot have this name.
pub(super) fn problem(name: &str) -> Option<String> {
    if name.contains('/') {
        return Some("namespace name cannot contain /".into());
    }
    if name.is_empty() || name == "." || name == ".." {
        return Some(format!("{name:?} is no name for a namespace: it must not be empty, \".\" or \"..\""));
    }
    if RESERVED.iter().any(|word| looks_like(name, word)) {
        return Some(format!("{:?} is a reserved path and cannot be used as a namespace name", format!("{name}/")));
    }
    for (what, is_one) in [("space", char::is_whitespace as fn(char) -> bool), ("invisible", is_invisible)] {
        if name.chars().any(is_one) {
            return Some(format!("{name:?} contains {what} characters that cannot be used in a namespace name"));
        }
    }
    let wild: Vec<String> = ['+', '*'].iter().filter(|c| name.contains(**c)).map(|c| format!("'{c}'")).collect();
    if !wild.is_empty() {
        let wild = wild.join(", ");
        return Some(format!("{name:?} contains wildcard characters that cannot be used in a namespace name: {wild}"));
    }
    if name.chars().any(char::is_control) {
        return Some(format!("{name:?} contains control characters that cannot be used in a namespace name"));
    }
    (name.len() > NAME_MAX)
        .then(|| format!("a namespace name has at most {NAME_MAX} bytes; this one has {}", name.len()))
}

/// Also in other letters' case: nobody is to take `Root` for the root.
fn looks_like(name: &str, word: &str) -> bool {
    let visible = name.chars().filter(|c| !is_invisible(*c)).flat_map(char::to_lowercase);
    visible.eq(word.chars())
}

/// Characters of no width, and those that turn the direction of text: two names that differ in them look the same.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn names_that_would_be_taken_for_something_else_are_refused() {
        for name in [
            "",
            ".",
            "..",
            "root",
            "Root",
            "ROOT",
            "sys",
            "auth",
            "audit",
            "cubbyhole",
            "identity",
            "a/b",
            "root/",
            "a b",
            "a\u{a0}b",
            "a+b",
            "a*",
            "ro\u{200b}ot",
            "team\u{202e}",
            "\u{feff}team",
            "a\u{7}",
            "\u{2003}",
        ] {
            assert!(problem(name).is_some(), "{name:?}");
        }
        for (name, what) in
            [("a b", "space"), ("\u{200b}", "invisible"), ("\u{202e}", "invisible"), ("\u{7}", "control")]
        {
            assert!(problem(name).unwrap().contains(&format!("contains {what} characters")), "{name:?}");
        }
        assert!(problem(&"n".repeat(257)).is_some());
        for name in ["team", "Team", "a.b", "dash-ed_1", "é", "api-lock", "roots", "sys2", "名前"] {
            assert_eq!(problem(name), None, "{name:?}");
        }
    }
}
