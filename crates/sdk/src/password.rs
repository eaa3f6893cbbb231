//! Password policies: what a generated password is made of.
//!
//! ```hcl
//! length = 20
//! rule "charset" {
//!   charset   = "abcdefghijklmnopqrstuvwxyz"
//!   min-chars = 1
//! }
//! ```
//!
//! Every password that fits all rules is as likely as any other, as long as a few tries find one. Where rules are so tight
//! that they do not, the characters that the rules ask for are drawn first, then the rest, and all are shuffled.

use std::collections::BTreeSet;

use hcl::{Body, Value};

/// The longest text of a policy.
const TEXT_MAX: usize = 64 * 1024;
const RULES_MAX: usize = 64;
const LENGTH: std::ops::RangeInclusive<usize> = 4..=100;
/// How often a password is drawn anew because it does not fit.
const TRIES: usize = 1000;

/// A policy that was read and can be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    length: usize,
    rules: Vec<Charset>,
    /// The characters of all rules, each once.
    alphabet: Vec<char>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Charset {
    chars: Vec<char>,
    min: usize,
}

impl PasswordPolicy {
    /// Reads a policy in HCL or JSON. The error is a sentence for whoever wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > TEXT_MAX {
            return Err(format!("the policy has {} bytes; at most {TEXT_MAX} are read", text.len()));
        }
        let body = hcl::parse(text).map_err(|e| e.to_string())?;
        known(&body, &["length", "rule"], "a password policy")?;
        let length = number(body.get("length"), "length")?;
        if length == 0 {
            return Err("length must be > 0: say how many characters a password has".into());
        }
        let mut rules = Vec::new();
        for block in body.blocks("rule", 1).map_err(|e| e.to_string())? {
            match block.labels[0].text.as_str() {
                "charset" => rules.push(Charset::read(block.body)?),
                other => return Err(format!("unrecognized rule type {other:?}; the only one is \"charset\"")),
            }
        }
        if rules.len() > RULES_MAX {
            return Err(format!("the policy has {} rules; at most {RULES_MAX} are followed", rules.len()));
        }
        let alphabet: BTreeSet<char> = rules.iter().flat_map(|rule| rule.chars.iter().copied()).collect();
        if alphabet.is_empty() {
            return Err("no charset specified: a rule \"charset\" says which characters there are".into());
        }
        let needed: usize = rules.iter().map(|rule| rule.min).sum();
        if length < needed {
            return Err(format!("specified rules require at least {needed} characters but {length} is specified"));
        }
        if !LENGTH.contains(&length) {
            let (least, most) = (LENGTH.start(), LENGTH.end());
            return Err(format!("passwords must be between {least} and {most} characters"));
        }
        Ok(Self { length, rules, alphabet: alphabet.into_iter().collect() })
    }

    /// A new password.
    pub fn generate(&self) -> String {
        for _ in 0..TRIES {
            let drawn = draw(&self.alphabet, self.length);
            if self.rules.iter().all(|rule| rule.fits(&drawn)) {
                return drawn.into_iter().collect();
            }
        }
        let mut chars: Vec<char> = self.rules.iter().flat_map(|rule| draw(&rule.chars, rule.min)).collect();
        chars.extend(draw(&self.alphabet, self.length - chars.len()));
        for i in (1..chars.len()).rev() {
            chars.swap(i, below(i + 1));
        }
        chars.into_iter().collect()
    }
}

impl Charset {
    fn read(body: &Body) -> Result<Self, String> {
        known(body, &["charset", "min-chars"], "a rule \"charset\"")?;
        let text = match body.get("charset") {
            None => "",
            Some(value) => value.as_str().ok_or_else(|| format!("charset must be a text, not {}", value.describe()))?,
        };
        if let Some(odd) = text.chars().find(|c| c.is_control() || c.is_whitespace() && *c != ' ') {
            return Err(format!("non-printable character in charset: {odd:?}"));
        }
        let chars: BTreeSet<char> = text.chars().collect();
        let min = number(body.get("min-chars"), "min-chars")?;
        if min > 0 && chars.is_empty() {
            return Err("a rule with min-chars needs a charset to take them from".into());
        }
        Ok(Self { chars: chars.into_iter().collect(), min })
    }

    fn fits(&self, password: &[char]) -> bool {
        password.iter().filter(|c| self.chars.binary_search(c).is_ok()).count() >= self.min
    }
}

/// A misspelt key would make a weaker policy than was meant.
fn known(body: &Body, keys: &[&str], what: &str) -> Result<(), String> {
    match body.unknown(keys).next() {
        Some(odd) => Err(format!("{}: {what} has no key {:?}; its keys are {}", odd.at, odd.key, keys.join(" and "))),
        None => Ok(()),
    }
}

/// Zero where there is none.
fn number(value: Option<&Value>, name: &str) -> Result<usize, String> {
    let Some(value) = value else { return Ok(0) };
    let number = value.as_integer().and_then(|n| usize::try_from(n).ok());
    number.filter(|n| *n <= TEXT_MAX).ok_or_else(|| format!("{name} must be a whole number that is not negative"))
}

fn draw(from: &[char], count: usize) -> Vec<char> {
    (0..count).map(|_| from[below(from.len())]).collect()
}

/// A number below `n`, each as likely as any other but for one part in 2^50.
fn below(n: usize) -> usize {
    let drawn = u64::from_le_bytes(crypto::random());
    ((u128::from(drawn) * n as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str, naming: &str) {
        let problem = PasswordPolicy::parse(text).unwrap_err();
        assert!(problem.contains(naming), "{text:?}: {problem:?} does not name {naming:?}");
    }

    #[test]
    fn what_cannot_be_followed_is_told_why() {
        let abc = "rule \"charset\" { charset = \"abc\" }";
        refused("length = 5", "no charset");
        refused(abc, "length");
        refused("length = ", "");
        refused(&format!("length = 3 {abc}"), "between 4 and 100");
        refused(&format!("length = 101 {abc}"), "between 4 and 100");
        refused(&format!("length = \"12\" {abc}"), "whole number");
        refused(&format!("length = -12 {abc}"), "whole number");
        refused("length = 5 rule \"charset\" { charset = \"abc\" min-chars = 6 }", "at least 6");
        refused("length = 5 rule \"charset\" { charset = \"abc\" min_chars = 2 }", "min_chars");
        refused("length = 5 rule \"nope\" { }", "nope");
        refused(&format!("lenght = 5 {abc}"), "lenght");
        refused("length = 5 rule \"charset\" { charset = \"a\\tb\" }", "non-printable");
        refused("length = 5 rule \"charset\" { charset = \"\" min-chars = 1 }", "charset");
    }

    #[test]
    fn a_password_fits_its_rules() {
        let text =
            "length = 12\nrule \"charset\" { charset = \"aé\" min-chars = 3 }\nrule \"charset\" { charset = \"0123\" }";
        let policy = PasswordPolicy::parse(text).unwrap();
        let mut seen = BTreeSet::new();
        for _ in 0..200 {
            let password = policy.generate();
            assert_eq!(password.chars().count(), 12);
            assert!(password.chars().all(|c| "aé0123".contains(c)), "{password}");
            assert!(password.chars().filter(|c| "aé".contains(*c)).count() >= 3, "{password}");
            seen.insert(password);
        }
        assert!(seen.len() > 190, "they differ");
    }

    #[test]
    fn rules_too_tight_to_be_met_by_chance_are_met() {
        let many: String = ('a'..='z').chain('A'..='Z').collect();
        let text = format!(
            "length = 30\nrule \"charset\" {{ charset = \"{many}\" }}\nrule \"charset\" {{ charset = \"7\" min-chars = 29 }}"
        );
        let password = PasswordPolicy::parse(&text).unwrap().generate();
        assert!(password.matches('7').count() >= 29 && password.len() == 30, "{password}");
    }

    #[test]
    fn json_says_the_same() {
        let json = r#"{"length": 8, "rule": [{"charset": {"charset": "x", "min-chars": 1}}]}"#;
        assert_eq!(PasswordPolicy::parse(json).unwrap().generate(), "xxxxxxxx");
    }
}
