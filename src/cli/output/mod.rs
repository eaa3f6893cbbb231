//! What a command prints: a table for people, JSON or YAML for programs, one field for a script.

mod cell;
mod secret;
mod table;

pub use cell::{cell, lifetime};
pub use secret::{rows, warnings};
pub use table::{listing, object_rows, pairs, table, titled};

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use serde_json::Value;

use super::failure::{Done, Failure};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for people
    #[default]
    Table,
    /// The answer, indented
    Json,
    #[value(alias = "yml")]
    Yaml,
    /// The answer as the server sent it
    Raw,
}

impl Format {
    pub fn named(name: &str) -> Result<Format, Failure> {
        Format::from_str(name, true)
            .map_err(|_| Failure::usage(format!("VAULT_FORMAT is {name:?}: it must be table, json, yaml or raw")))
    }
}

/// How this command was told to print.
pub struct Output {
    pub format: Format,
    pub field: Option<String>,
}

impl Output {
    pub fn for_people(&self) -> bool {
        self.format == Format::Table && self.field.is_none()
    }

    /// An answer of the API: its data, or the token or the wrapping that it carries.
    pub fn secret(&self, answer: &Value) -> Result<Done, Failure> {
        if let Some(name) = &self.field {
            return self.one(secret::field(answer, name), name);
        }
        if self.format == Format::Table {
            warnings(answer);
        }
        self.value(answer, || pairs(&rows(answer)))
    }

    /// A value for programs, and what `table` makes of it for people. `-field` names a member of it.
    pub fn value(&self, value: &Value, table: impl FnOnce() -> String) -> Result<Done, Failure> {
        if let Some(name) = &self.field {
            let inside = value.get(name).or_else(|| value.get("data").and_then(|data| data.get(name)));
            return self.one(inside, name);
        }
        let text = match self.format {
            Format::Table => table(),
            _ => self.for_programs(value)?,
        };
        say(text.trim_end())
    }

    /// As [`Output::value`], with the fields of `-field` in a place of their own.
    pub fn value_with_fields(
        &self,
        value: &Value,
        fields: &[&Value],
        table: impl FnOnce() -> String,
    ) -> Result<Done, Failure> {
        match &self.field {
            Some(name) => self.one(fields.iter().find_map(|place| place.get(name)), name),
            None => self.value(value, table),
        }
    }

    /// One field, bare: a text without quotes, a line's end only where a person reads it.
    fn one(&self, value: Option<&Value>, name: &str) -> Result<Done, Failure> {
        let value = value.ok_or_else(|| Failure::usage(format!("Field {name:?} not present in secret")))?;
        let text = match (self.format, value) {
            (Format::Table | Format::Raw, _) => cell(value),
            _ => return say(self.for_programs(value)?.trim_end()),
        };
        bare(&text)
    }

    fn for_programs(&self, value: &Value) -> Result<String, Failure> {
        match self.format {
            Format::Yaml => serde_norway::to_string(&yaml(value)).map_err(unprintable),
            Format::Raw => Ok(value.to_string()),
            Format::Json | Format::Table => serde_json::to_string_pretty(value).map_err(unprintable),
        }
    }
}

/// One line, or several, and a newline.
pub fn say(text: &str) -> Result<Done, Failure> {
    written(writeln!(io::stdout(), "{text}"))
}

/// The text, and a newline where a person reads it.
pub fn bare(text: &str) -> Result<Done, Failure> {
    let end = if io::stdout().is_terminal() { "\n" } else { "" };
    bytes(format!("{text}{end}").as_bytes())
}

/// As they came.
pub fn bytes(bytes: &[u8]) -> Result<Done, Failure> {
    let mut out = io::stdout();
    written(out.write_all(bytes).and_then(|()| out.flush()))
}

/// The library for YAML does not know how the one for JSON carries its numbers.
fn yaml(value: &Value) -> serde_norway::Value {
    use serde_norway::Value as Yaml;
    match value {
        Value::Null => Yaml::Null,
        Value::Bool(truth) => Yaml::Bool(*truth),
        Value::String(text) => Yaml::String(text.clone()),
        Value::Array(items) => Yaml::Sequence(items.iter().map(yaml).collect()),
        Value::Object(members) => {
            Yaml::Mapping(members.iter().map(|(key, value)| (Yaml::String(key.clone()), yaml(value))).collect())
        }
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) => Yaml::from(number),
            (_, Some(number), _) => Yaml::from(number),
            (.., Some(number)) => Yaml::from(number),
            _ => Yaml::String(number.to_string()),
        },
    }
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
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_stay_numbers_in_yaml() {
        let value = json!({"a": 1, "b": [1.5, true, null], "c": "1"});
        let text = serde_norway::to_string(&yaml(&value)).unwrap();
        assert_eq!(text, "a: 1\nb:\n- 1.5\n- true\n- null\nc: '1'\n");
    }

    #[test]
    fn formats_have_names() {
        assert_eq!(Format::named("JSON").unwrap(), Format::Json);
        assert_eq!(Format::named("yml").unwrap(), Format::Yaml);
        assert_eq!(Format::named("xml").unwrap_err().exit_status(), 1);
    }
}
