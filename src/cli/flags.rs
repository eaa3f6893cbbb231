//! Flags as Vault's users type them: `-format=json`, with one dash.

use std::ffi::OsString;

/// Gives each long flag its second dash. What comes after `--` is left alone.
pub fn normalise(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut literal = false;
    arguments
        .map(|argument| {
            literal |= argument == "--";
            match argument.to_str().filter(|text| !literal && is_long_flag(text)) {
                Some(text) => OsString::from(format!("-{text}")),
                None => argument,
            }
        })
        .collect()
}

/// One dash and a word of two letters or more. `-h`, `-1` and a lone `-` are not long flags.
fn is_long_flag(text: &str) -> bool {
    let Some(name) = text.strip_prefix('-') else { return false };
    let mut letters = name.chars();
    letters.next().is_some_and(|c| c.is_ascii_alphabetic()) && letters.next().is_some_and(|c| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(arguments: &[&str]) -> Vec<String> {
        let given = arguments.iter().map(OsString::from);
        normalise(given)
            .into_iter()
            .map(|argument| argument.into_string().expect("the test's texts are UTF-8"))
            .collect()
    }

    #[test]
    fn one_dash_becomes_two() {
        assert_eq!(of(&["server", "-config=a.hcl", "-dev"]), ["server", "--config=a.hcl", "--dev"]);
        assert_eq!(of(&["-format", "json", "--field=x"]), ["--format", "json", "--field=x"]);
    }

    #[test]
    fn what_is_no_long_flag_stays() {
        for same in [["-h", "-"], ["-1", "key=-"], ["@file", "a=-b"]] {
            assert_eq!(of(&same), same);
        }
        assert_eq!(of(&["--", "-value"]), ["--", "-value"]);
    }
}
