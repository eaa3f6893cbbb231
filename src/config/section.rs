//! Typed reading of one block, or of the top of all files together.
//!
//! A section knows its table of declared keys. In the end it names what is written and not declared, and what is
//! declared and has no effect. In tests it also insists that what is read is declared, and the other way round.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hcl::{Block, Body, Kind, Position, Value};

use super::declared::{Effect, Key, Table, Takes};
use super::problem::{ConfigError, Place, Warning};
use super::source::Document;

/// A block of the configuration while it is being read.
pub(super) struct Section<'a> {
    /// How the block is called in a sentence, `listener "tcp"`. Empty at the top.
    pub name: String,
    table: &'static Table,
    parts: Vec<Part<'a>>,
    asked: RefCell<Vec<&'static str>>,
}

/// What one file says of a section.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub file: &'a Path,
    pub body: &'a Body,
    at: Position,
}

/// A value and the key it belongs to, so that whoever finds it wrong can say where it stands.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub key: &'static str,
    pub file: &'a Path,
    pub value: &'a Value,
}

impl<'a> Section<'a> {
    pub fn top(table: &'static Table, documents: &'a [Document]) -> Section<'a> {
        let part = |document: &'a Document| Part { file: &document.file, body: &document.body, at: Position::START };
        Section { name: String::new(), table, parts: documents.iter().map(part).collect(), asked: RefCell::default() }
    }

    pub fn place(&self) -> Place {
        // A section is made of at least one document or of one block.
        Place::new(self.parts[0].file, self.parts[0].at)
    }

    pub fn file(&self) -> PathBuf {
        self.parts[0].file.to_owned()
    }

    /// The last value of the key, if there is one.
    pub fn entry(&self, key: &'static str) -> Option<Entry<'a>> {
        self.ask(key);
        self.parts.iter().rev().find_map(|part| Some(Entry { key, file: part.file, value: part.body.get(key)? }))
    }

    /// The blocks of this name, in order, each with its labels. A kind that is not declared gets the table of the first:
    /// its reader refuses it.
    pub fn blocks(&self, name: &'static str) -> Result<Vec<(Vec<String>, Section<'a>)>, ConfigError> {
        self.ask(name);
        let Some(Takes::Blocks { labels, kinds }) = self.table.get(name).map(|key| &key.takes) else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for part in &self.parts {
            let blocks = part.body.blocks(name, *labels).map_err(|error| ConfigError::BadBlock {
                place: Place::new(part.file, error.at),
                problem: error.problem,
            })?;
            found.extend(blocks.iter().map(|block| child(name, kinds, part.file, block)));
        }
        Ok(found)
    }

    /// What stands inside blocks whose names are the writer's choice.
    pub fn maps(&self, name: &'static str) -> Result<Vec<Part<'a>>, ConfigError> {
        self.ask(name);
        let mut found = Vec::new();
        for part in &self.parts {
            let blocks = part.body.blocks(name, 0).map_err(|error| ConfigError::BadBlock {
                place: Place::new(part.file, error.at),
                problem: error.problem,
            })?;
            found.extend(blocks.iter().map(|block| Part { file: part.file, body: block.body, at: block.at }));
        }
        Ok(found)
    }

    pub fn text(&self, key: &'static str) -> Result<Option<String>, ConfigError> {
        self.entry(key).map(|entry| entry.text()).transpose()
    }

    pub fn path(&self, key: &'static str) -> Result<Option<PathBuf>, ConfigError> {
        Ok(self.text(key)?.filter(|text| !text.is_empty()).map(PathBuf::from))
    }

    pub fn flag(&self, key: &'static str) -> Result<Option<bool>, ConfigError> {
        self.entry(key).map(|entry| entry.flag()).transpose()
    }

    pub fn number(&self, key: &'static str) -> Result<Option<i64>, ConfigError> {
        self.entry(key).map(|entry| entry.number()).transpose()
    }

    pub fn duration(&self, key: &'static str) -> Result<Option<Duration>, ConfigError> {
        self.entry(key).map(|entry| entry.duration()).transpose()
    }

    /// The end of reading.
    pub fn finish(self, warnings: &mut Vec<Warning>) -> Result<(), ConfigError> {
        let known: Vec<&'static str> = self.table.all().map(|key| key.name).collect();
        for part in &self.parts {
            for unknown in part.body.unknown(&known) {
                let (place, key) = (Place::new(part.file, unknown.at), unknown.key.to_owned());
                warnings.push(Warning::Unknown { place, key, nearest: unknown.nearest.map(str::to_owned) });
            }
            for item in &part.body.items {
                let name = &item.keys[0];
                let Some(key) = self.table.get(&name.text) else { continue };
                let place = Place::new(part.file, name.at);
                match key.effect {
                    Effect::Start | Effect::Reload => {}
                    Effect::Ignored(why) => {
                        warnings.push(Warning::NoEffect { place, key: key.name, why, help: key.help })
                    }
                    Effect::Refused => return Err(ConfigError::Refused { place, key: key.name, help: key.help }),
                }
            }
        }
        if cfg!(test) {
            self.insist_that_all_was_read();
        }
        Ok(())
    }

    fn ask(&self, key: &'static str) {
        let declared = self.table.get(key).is_some_and(Key::is_read);
        assert!(!cfg!(test) || declared, "{} is read and not declared in {:?}", key, self.name);
        self.asked.borrow_mut().push(key);
    }

    fn insist_that_all_was_read(&self) {
        let asked = self.asked.borrow();
        for key in self.table.all().filter(|key| key.is_read()) {
            assert!(asked.contains(&key.name), "{} is declared and not read in {:?}", key.name, self.name);
        }
    }
}

fn child<'a>(name: &str, kinds: &[&'static Table], file: &'a Path, block: &Block<'a>) -> (Vec<String>, Section<'a>) {
    let labels: Vec<String> = block.labels.iter().map(|label| label.text.clone()).collect();
    let quoted: String = labels.iter().map(|label| format!(" \"{label}\"")).collect();
    let of_kind = kinds.iter().find(|kind| labels.first().is_some_and(|label| kind.label == label));
    let parts = vec![Part { file, body: block.body, at: block.at }];
    let table = of_kind.unwrap_or(&kinds[0]);
    (labels, Section { name: format!("{name}{quoted}"), table, parts, asked: RefCell::default() })
}

impl Entry<'_> {
    pub fn place(&self) -> Place {
        Place::new(self.file, self.value.at)
    }

    /// The error for this value: what was found, then `wanted`.
    pub fn bad(&self, wanted: impl Into<String>) -> ConfigError {
        let found = match &self.value.kind {
            Kind::String(text) => format!("{text:?}"),
            Kind::Integer(number) => number.to_string(),
            Kind::Float(number) => number.to_string(),
            Kind::Bool(truth) => truth.to_string(),
            Kind::Null | Kind::List(_) | Kind::Object(_) => self.value.describe().to_owned(),
        };
        ConfigError::BadValue { place: self.place(), key: self.key.to_owned(), found, wanted: wanted.into() }
    }

    /// As [`Entry::bad`] for a value that may be a secret: it is not shown.
    pub fn bad_unseen(&self, wanted: impl Into<String>) -> ConfigError {
        let (place, key) = (self.place(), self.key.to_owned());
        ConfigError::BadValue { place, key, found: "not valid".to_owned(), wanted: wanted.into() }
    }

    pub fn text(&self) -> Result<String, ConfigError> {
        match &self.value.kind {
            Kind::String(text) => Ok(text.clone()),
            Kind::Integer(number) => Ok(number.to_string()),
            Kind::Bool(truth) => Ok(truth.to_string()),
            _ => Err(self.bad("it must be a text in quotes")),
        }
    }

    /// Of which no figure may get lost: 0042 without quotes would be 34.
    pub fn quoted(&self) -> Result<String, ConfigError> {
        match &self.value.kind {
            Kind::String(text) => Ok(text.clone()),
            _ => Err(self.bad_unseen("it must be a text in quotes")),
        }
    }

    /// Texts, or one text with commas between them.
    pub fn list(&self) -> Result<Vec<String>, ConfigError> {
        let wanted = "it must be a list of texts, such as [\"a\", \"b\"]";
        match &self.value.kind {
            Kind::String(text) => {
                Ok(text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect())
            }
            Kind::List(items) => items
                .iter()
                .map(|item| match &item.kind {
                    Kind::String(text) => Ok(text.trim().to_owned()),
                    _ => Err(self.bad(wanted)),
                })
                .collect(),
            _ => Err(self.bad(wanted)),
        }
    }

    pub fn flag(&self) -> Result<bool, ConfigError> {
        let truth = match &self.value.kind {
            Kind::Bool(truth) => Some(*truth),
            Kind::Integer(0) => Some(false),
            Kind::Integer(1) => Some(true),
            Kind::String(text) => match text.as_str() {
                "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
                "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
                _ => None,
            },
            _ => None,
        };
        truth.ok_or_else(|| self.bad("it must be true or false"))
    }

    pub fn number(&self) -> Result<i64, ConfigError> {
        let number = match &self.value.kind {
            Kind::Integer(number) => Some(*number),
            Kind::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| self.bad("it must be a whole number"))
    }

    /// A whole number within bounds.
    pub fn number_in(&self, least: u64, most: u64) -> Result<u64, ConfigError> {
        let number = u64::try_from(self.number()?).ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| self.bad(format!("it must be between {least} and {most}")))
    }

    /// Not negative. A number without a unit counts seconds.
    pub fn duration(&self) -> Result<Duration, ConfigError> {
        let nanos = match &self.value.kind {
            Kind::Integer(seconds) => Some(i128::from(*seconds) * sdk::duration::SECOND),
            Kind::String(text) if !text.trim().is_empty() => sdk::duration::parse(text),
            _ => None,
        };
        let nanos = nanos.and_then(|nanos| u64::try_from(nanos).ok());
        nanos.map(Duration::from_nanos).ok_or_else(|| self.bad("it must be a duration such as \"30s\" or \"768h\""))
    }
}
