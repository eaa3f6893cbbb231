//! A reading head over the text: what comes next, where it stands, and how many values were read so far.
//! It knows characters, not grammar.

use crate::{HclError, MAX_DEPTH, MAX_VALUES, Position};

pub(crate) struct Cursor<'a> {
    rest: &'a str,
    at: Position,
    values: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Cursor<'a> {
        Cursor { rest: text, at: Position::START, values: 0 }
    }

    pub(crate) fn at(&self) -> Position {
        self.at
    }

    pub(crate) fn rest(&self) -> &'a str {
        self.rest
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(crate) fn peek_second(&self) -> Option<char> {
        self.rest.chars().nth(1)
    }

    pub(crate) fn bump(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        self.at = self.at.after(c);
        Some(c)
    }

    /// Consumes `c` if it comes next.
    pub(crate) fn eat(&mut self, c: char) -> bool {
        let hit = self.peek() == Some(c);
        if hit {
            self.bump();
        }
        hit
    }

    /// Consumes the characters that satisfy `wanted` and returns them.
    pub(crate) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let start = self.rest;
        while self.peek().is_some_and(&wanted) {
            self.bump();
        }
        &start[..start.len() - self.rest.len()]
    }

    pub(crate) fn skip_space(&mut self) {
        self.take_while(|c| matches!(c, ' ' | '\t' | '\r' | '\n'));
    }

    /// Counts one value read at `depth` against the bounds.
    pub(crate) fn count(&mut self, depth: usize) -> Result<(), HclError> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(self.error(format!("the text holds more than {MAX_VALUES} values")));
        }
        if depth > MAX_DEPTH {
            return Err(self.error(format!("objects and lists are nested more than {MAX_DEPTH} deep")));
        }
        Ok(())
    }

    pub(crate) fn error(&self, problem: impl Into<String>) -> HclError {
        HclError::new(self.at, problem)
    }

    /// An error about what comes next: "`}` was expected, but …".
    pub(crate) fn unexpected(&self, wanted: &str) -> HclError {
        self.error(format!("{wanted} was expected, but {} was found", self.found()))
    }

    fn found(&self) -> String {
        match self.peek() {
            None => "the end of the text".to_owned(),
            Some(c) => format!("{c:?}"),
        }
    }
}
