//! A device's filter: which entries it takes. A boolean expression over five texts of the request, in Vault's syntax.
//!
//! ```text
//! expression = term { "or" term }          term = factor { "and" factor }
//! factor     = "not" factor | "(" expression ")" | match
//! match      = selector ( "==" | "!=" ) value
//!            | selector [ "not" ] ( "contains" | "matches" ) value
//!            | value [ "not" ] "in" selector
//!            | selector "is" [ "not" ] "empty"
//! value      = "text" | `text` | word
//! ```

use regex::{Regex, RegexBuilder};

/// The longest expression, in bytes.
const LENGTH_MAX: usize = 4096;
/// How deep parentheses and `not` may nest.
const DEPTH_MAX: usize = 32;
/// What a compiled pattern may take, in bytes.
const PATTERN_MAX: usize = 256 * 1024;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the filter is wrong at character {at}: {problem}")]
pub struct FilterError {
    at: usize,
    problem: String,
}

/// What an entry is judged by.
pub struct Facts<'a> {
    pub operation: &'a str,
    pub path: &'a str,
    pub mount_type: &'a str,
    pub mount_point: &'a str,
    /// Without slashes at its ends; empty for the root namespace.
    pub namespace: &'a str,
}

#[derive(Clone, Copy, Debug)]
enum Selector {
    Operation,
    Path,
    MountType,
    MountPoint,
    Namespace,
}

const SELECTORS: [(&str, Selector); 5] = [
    ("operation", Selector::Operation),
    ("path", Selector::Path),
    ("mount_type", Selector::MountType),
    ("mount_point", Selector::MountPoint),
    ("namespace", Selector::Namespace),
];

#[derive(Clone, Debug)]
enum Expression {
    Or(Vec<Expression>),
    And(Vec<Expression>),
    Not(Box<Expression>),
    Is(Selector, String),
    Contains(Selector, String),
    Matches(Selector, Regex),
    Empty(Selector),
}

#[derive(Clone, Debug)]
pub struct Filter {
    text: String,
    expression: Expression,
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Filter {}

impl Filter {
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        if text.len() > LENGTH_MAX {
            let problem = format!("it is longer than {LENGTH_MAX} bytes");
            return Err(FilterError { at: LENGTH_MAX, problem });
        }
        let mut parser = Parser { tokens: tokens(text)?, next: 0, end: text.chars().count(), depth: 0 };
        let expression = parser.expression()?;
        match parser.peek() {
            None => Ok(Self { text: text.to_owned(), expression }),
            Some(_) => parser.wrong("`and`, `or` or the end is expected"),
        }
    }

    pub fn takes(&self, facts: &Facts<'_>) -> bool {
        self.expression.holds(facts)
    }
}

impl Selector {
    fn of<'a>(self, facts: &Facts<'a>) -> &'a str {
        match self {
            Self::Operation => facts.operation,
            Self::Path => facts.path,
            Self::MountType => facts.mount_type,
            Self::MountPoint => facts.mount_point,
            Self::Namespace => facts.namespace,
        }
    }
}

impl Expression {
    fn holds(&self, facts: &Facts<'_>) -> bool {
        match self {
            Self::Or(parts) => parts.iter().any(|part| part.holds(facts)),
            Self::And(parts) => parts.iter().all(|part| part.holds(facts)),
            Self::Not(part) => !part.holds(facts),
            Self::Is(selector, value) => selector.of(facts) == value,
            Self::Contains(selector, value) => selector.of(facts).contains(value.as_str()),
            Self::Matches(selector, pattern) => pattern.is_match(selector.of(facts)),
            Self::Empty(selector) => selector.of(facts).is_empty(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Equal,
    Unequal,
    Word(String),
    Quoted(String),
}

/// The tokens, each with the character it begins at.
fn tokens(text: &str) -> Result<Vec<(usize, Token)>, FilterError> {
    let characters: Vec<char> = text.chars().collect();
    let wrong = |at: usize, problem: &str| Err(FilterError { at: at + 1, problem: problem.to_owned() });
    let mut tokens = Vec::new();
    let mut i = 0;
    while i < characters.len() {
        let at = i;
        i += 1;
        let token = match characters[at] {
            c if c.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            '=' | '!' if characters.get(i) == Some(&'=') => {
                i += 1;
                if characters[at] == '=' { Token::Equal } else { Token::Unequal }
            }
            '=' | '!' => return wrong(at, "`==` and `!=` are the ways to compare"),
            quote @ ('"' | '`') => {
                let mut value = String::new();
                loop {
                    match characters.get(i) {
                        None => return wrong(at, "the quoted text does not end"),
                        Some(c) if *c == quote => break,
                        Some('\\') if quote == '"' => {
                            match characters.get(i + 1) {
                                Some(c @ ('"' | '\\')) => value.push(*c),
                                _ => return wrong(i, "only \\\" and \\\\ are escapes; `text` has none"),
                            }
                            i += 2;
                        }
                        Some(c) => {
                            value.push(*c);
                            i += 1;
                        }
                    }
                }
                i += 1;
                Token::Quoted(value)
            }
            first => {
                let mut word = String::from(first);
                while let Some(c) = characters.get(i)
                    && !c.is_whitespace()
                    && !matches!(c, '(' | ')' | '=' | '!' | '"' | '`')
                {
                    word.push(*c);
                    i += 1;
                }
                Token::Word(word)
            }
        };
        tokens.push((at, token));
    }
    Ok(tokens)
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    end: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(text)) if text == word)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.next += usize::from(found);
        found
    }

    fn wrong<T>(&self, problem: impl Into<String>) -> Result<T, FilterError> {
        let at = self.tokens.get(self.next).map_or(self.end, |(at, _)| *at);
        Err(FilterError { at: at + 1, problem: problem.into() })
    }

    fn expression(&mut self) -> Result<Expression, FilterError> {
        let mut parts = vec![self.term()?];
        while self.take_word("or") {
            parts.push(self.term()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Or(parts) })
    }

    fn term(&mut self) -> Result<Expression, FilterError> {
        let mut parts = vec![self.factor()?];
        while self.take_word("and") {
            parts.push(self.factor()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::And(parts) })
    }

    fn factor(&mut self) -> Result<Expression, FilterError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return self.wrong(format!("it nests deeper than {DEPTH_MAX}"));
        }
        let factor = if self.take_word("not") {
            Expression::Not(Box::new(self.factor()?))
        } else if self.peek() == Some(&Token::Open) {
            self.next += 1;
            let inside = self.expression()?;
            if self.peek() != Some(&Token::Close) {
                return self.wrong("`)` is expected");
            }
            self.next += 1;
            inside
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(factor)
    }

    fn comparison(&mut self) -> Result<Expression, FilterError> {
        // `value in selector`: only there does a value come first.
        let ahead = |n: usize, word: &str| matches!(self.tokens.get(self.next + n), Some((_, Token::Word(text))) if text == word);
        if ahead(1, "in") || ahead(1, "not") && ahead(2, "in") {
            let value = self.value()?;
            let negated = self.take_word("not");
            self.next += 1;
            let selector = self.selector()?;
            return Ok(negate(negated, Expression::Contains(selector, value)));
        }
        let selector = self.selector()?;
        if let Some(token @ (Token::Equal | Token::Unequal)) = self.peek() {
            let negated = *token == Token::Unequal;
            self.next += 1;
            return Ok(negate(negated, Expression::Is(selector, self.value()?)));
        }
        if self.take_word("is") {
            let negated = self.take_word("not");
            if !self.take_word("empty") {
                return self.wrong("`empty` or `not empty` is expected");
            }
            return Ok(negate(negated, Expression::Empty(selector)));
        }
        let negated = self.take_word("not");
        if self.take_word("contains") {
            return Ok(negate(negated, Expression::Contains(selector, self.value()?)));
        }
        if self.take_word("matches") {
            let at = self.next;
            let value = self.value()?;
            let pattern = RegexBuilder::new(&value).size_limit(PATTERN_MAX).build();
            return match pattern {
                Ok(pattern) => Ok(negate(negated, Expression::Matches(selector, pattern))),
                Err(error) => {
                    self.next = at;
                    let text = error.to_string();
                    self.wrong(format!("the pattern is not valid: {}", text.lines().last().unwrap_or_default().trim()))
                }
            };
        }
        self.wrong("one of ==, !=, contains, matches, in, `is empty` (each with `not`) is expected")
    }

    fn selector(&mut self) -> Result<Selector, FilterError> {
        let known = match self.peek() {
            Some(Token::Word(word)) => SELECTORS.iter().find(|(name, _)| name == word).map(|(_, selector)| *selector),
            _ => None,
        };
        match known {
            Some(selector) => {
                self.next += 1;
                Ok(selector)
            }
            None => self.wrong("one of operation, path, mount_type, mount_point, namespace is expected"),
        }
    }

    fn value(&mut self) -> Result<String, FilterError> {
        match self.peek() {
            Some(Token::Word(text) | Token::Quoted(text)) => {
                let text = text.clone();
                self.next += 1;
                Ok(text)
            }
            _ => self.wrong("a value is expected, as `kv` or \"kv\""),
        }
    }
}

fn negate(negated: bool, expression: Expression) -> Expression {
    if negated { Expression::Not(Box::new(expression)) } else { expression }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts<'static> {
        Facts {
            operation: "update",
            path: "secret/data/app \"one\"",
            mount_type: "kv",
            mount_point: "secret/",
            namespace: "",
        }
    }

    #[test]
    fn expressions_hold_or_do_not() {
        for (text, holds) in [
            ("mount_type == kv", true),
            ("mount_type==\"kv\"", true),
            ("mount_type != kv", false),
            ("operation == read or operation == update", true),
            ("operation == read or operation == update and mount_type == pki", false),
            ("(operation == read or operation == update) and mount_type == kv", true),
            ("not mount_type == kv", false),
            ("not (mount_type == pki)", true),
            ("not not mount_type == kv", true),
            ("namespace is empty", true),
            ("namespace is not empty", false),
            ("path contains \"app\"", true),
            ("path not contains \"app\"", false),
            ("\"data/\" in path", true),
            ("`data/` not in path", false),
            ("app not in mount_point", true),
            ("path matches `^secret/data/[a-z]+`", true),
            ("path not matches \"^auth/\"", true),
            ("path == \"secret/data/app \\\"one\\\"\"", true),
            ("path == `secret/data/app \"one\"`", true),
            ("mount_point == secret/", true),
            ("operation == \"Update\"", false),
        ] {
            let filter = Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(filter.takes(&facts()), holds, "{text}");
        }
    }

    #[test]
    fn mistakes_say_where_and_what() {
        for (text, at, says) in [
            ("", 1, "one of operation, path"),
            ("mount_typ == kv", 1, "one of operation, path"),
            ("mount_type = kv", 12, "`==` and `!=`"),
            ("mount_type == ", 15, "a value is expected"),
            ("mount_type kv", 12, "one of ==, !="),
            ("mount_type == kv path == x", 18, "`and`, `or` or the end"),
            ("(mount_type == kv", 18, "`)` is expected"),
            ("mount_type == kv)", 17, "`and`, `or` or the end"),
            ("path == \"x", 9, "does not end"),
            ("path == \"\\n\"", 10, "escapes"),
            ("path matches \"(\"", 14, "the pattern is not valid"),
            ("path is kv", 9, "`empty`"),
            ("\"x\" in pth", 8, "one of operation, path"),
            ("or", 1, "one of operation, path"),
        ] {
            let error = Filter::parse(text).err().unwrap_or_else(|| panic!("{text} was taken"));
            assert_eq!(error.at, at, "{text}: {error}");
            assert!(error.problem.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_too_much_is_refused() {
        assert!(Filter::parse(&format!("{}path == a", "not ".repeat(DEPTH_MAX))).is_err());
        assert!(Filter::parse(&format!("{}path == a", "(".repeat(1000))).is_err());
        assert!(Filter::parse(&format!("path == {}", "a".repeat(LENGTH_MAX))).is_err());
        assert!(Filter::parse("path matches \"(a{500}){500}\"").is_err());
    }
}
