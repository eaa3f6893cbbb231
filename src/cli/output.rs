//! What a command prints: a table for people, JSON or YAML for programs.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use serde_json::Value;

use super::failure::{Done, Failure};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    #[default]
    Table,
    Json,
    Yaml,
}

/// The flag that most commands have.
#[derive(clap::Args)]
pub struct FormatFlag {
    /// How to print the answer
    #[arg(long, value_enum, default_value_t, ignore_case = true)]
    pub format: Format,
}

impl Format {
    /// Prints the value for programs, or what `table` makes for people.
    pub fn print(self, value: &Value, table: impl FnOnce() -> String) -> Result<Done, Failure> {
        let text = match self {
            Format::Table => table(),
            Format::Json => pretty(value)?,
            Format::Yaml => serde_norway::to_string(value).map_err(unprintable)?,
        };
        say(text.trim_end())
    }
}

/// One line, or several, and a newline.
pub fn say(text: &str) -> Result<Done, Failure> {
    written(writeln!(io::stdout(), "{text}"))
}

/// One field of an answer, bare: a text without quotes, a newline only where a person reads it.
pub fn field(value: &Value) -> Result<Done, Failure> {
    let text = cell(value);
    let end = if io::stdout().is_terminal() { "\n" } else { "" };
    let mut out = io::stdout();
    written(write!(out, "{text}{end}").and_then(|()| out.flush()))
}

/// Rows under a header, columns four spaces apart.
pub fn table<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([header[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let dashes = header.map(|title| "-".repeat(title.len()));
    let titles = header.map(str::to_owned);
    let mut out = String::new();
    for row in [&titles, &dashes].into_iter().chain(rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:<width$}    "));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The members of an object, one a row.
pub fn object_table(object: &Value) -> String {
    let members = object.as_object().into_iter().flatten();
    let rows: Vec<[String; 2]> = members.map(|(key, value)| [key.clone(), cell(value)]).collect();
    table(["Key", "Value"], &rows)
}

/// A title in the middle of a line of equal signs as wide as what stands below it.
pub fn titled(title: &str, below: &str) -> String {
    let width = below.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    let signs = "=".repeat(width.saturating_sub(title.len() + 2).div_ceil(2).max(2));
    format!("{signs} {title} {signs}\n{below}")
}

/// A value in one cell, as Vault writes it.
pub fn cell(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn pretty(value: &Value) -> Result<String, Failure> {
    let mut out = Vec::new();
    let form = serde_json::ser::PrettyFormatter::with_indent(b"  ");
    serde::Serialize::serialize(value, &mut serde_json::Serializer::with_formatter(&mut out, form))
        .map_err(unprintable)?;
    String::from_utf8(out).map_err(unprintable)
}

fn unprintable(error: impl std::fmt::Display) -> Failure {
    Failure::refused(format!("Error printing the answer: {error}"))
}

fn written(result: io::Result<()>) -> Result<Done, Failure> {
    match result {
        // Whoever closed the pipe has read enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(unprintable(error)),
        _ => Ok(Done::Good),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a".to_owned(), "1".to_owned()], ["longer".to_owned(), "22".to_owned()]];
        assert_eq!(table(["Key", "Value"], &rows), "Key       Value\n---       -----\na         1\nlonger    22\n");
    }

    #[test]
    fn a_title_is_never_without_its_signs() {
        assert_eq!(titled("Data", "Key    Value\n"), "=== Data ===\nKey    Value\n");
        assert_eq!(titled("Secret Path", "x"), "== Secret Path ==\nx");
    }

    #[test]
    fn cells() {
        let value = serde_json::json!({"t": "x", "n": null, "l": [1, "a"]});
        assert_eq!([cell(&value["t"]), cell(&value["n"]), cell(&value["l"])], ["x", "<nil>", "[1,\"a\"]"]);
    }
}
