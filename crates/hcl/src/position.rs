//! Where something stands in the text that was read.

use std::fmt;

/// Line and column, both counted from 1; a column is a character, not a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

impl Position {
    pub const START: Position = Position { line: 1, column: 1 };

    /// The position of the byte `offset` of `text`.
    pub(crate) fn of(text: &str, offset: usize) -> Position {
        text[..offset].chars().fold(Position::START, Position::after)
    }

    /// Where the next character stands once `c` has been read here.
    pub(crate) fn after(self, c: char) -> Position {
        match c {
            '\n' => Position { line: self.line + 1, column: 1 },
            _ => Position { line: self.line, column: self.column + 1 },
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}
