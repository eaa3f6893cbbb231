//! What a text says, the same for both forms. Plain data: no meaning is given to any key here.

use crate::{HclError, Position};

/// The inside of an object, or a whole text. Order and repetitions are kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Body {
    pub items: Vec<Item>,
}

/// `key = value`, or a block `key "label" { … }`, which is an item with several keys and an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// At least one. JSON items have exactly one.
    pub keys: Vec<Key>,
    pub value: Value,
    pub at: Position,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub text: String,
    pub at: Position,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    pub kind: Kind,
    pub at: Position,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// JSON only.
    Null,
    String(String),
    Integer(i64),
    Float(f64),
    Bool(bool),
    List(Vec<Value>),
    Object(Body),
}

/// One block found by [`Body::blocks`].
#[derive(Clone, Debug)]
pub struct Block<'a> {
    pub labels: Vec<&'a Key>,
    pub body: &'a Body,
    pub at: Position,
}

impl Body {
    /// The value of `name = value`. Of a repeated key the last one; a `null` counts as absent.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let named = |item: &&Item| item.keys.len() == 1 && item.keys[0].text == name;
        let last = self.items.iter().rfind(|item| named(item) && item.value.kind != Kind::Null);
        last.map(|item| &item.value)
    }

    /// Every value of the attribute `name`, in order, without nulls.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Value> {
        self.items
            .iter()
            .filter(move |item| item.keys.len() == 1 && item.keys[0].text == name)
            .map(|item| &item.value)
            .filter(|value| value.kind != Kind::Null)
    }

    /// The blocks called `name`, each with exactly `labels` labels, whichever way they are written: as HCL blocks, as
    /// nested objects, or as lists of objects at any level.
    pub fn blocks<'a>(&'a self, name: &str, labels: usize) -> Result<Vec<Block<'a>>, HclError> {
        let mut found = Vec::new();
        for item in self.items.iter().filter(|item| item.keys[0].text == name) {
            let read: Vec<&Key> = item.keys[1..].iter().collect();
            collect(name, &item.value, read, labels, item.at, &mut found)?;
        }
        Ok(found)
    }
}

/// Walks down `value` until every label is known. The depth is bounded by that of the tree.
fn collect<'a>(
    name: &str,
    value: &'a Value,
    read: Vec<&'a Key>,
    labels: usize,
    at: Position,
    found: &mut Vec<Block<'a>>,
) -> Result<(), HclError> {
    if read.len() > labels {
        let problem = format!("`{name}` has {} labels, {labels} expected", read.len());
        return Err(HclError::new(read[labels].at, problem));
    }
    match &value.kind {
        Kind::Null => {}
        Kind::List(values) => {
            for value in values {
                collect(name, value, read.clone(), labels, value.at, found)?;
            }
        }
        Kind::Object(body) if read.len() == labels => found.push(Block { labels: read, body, at }),
        Kind::Object(body) => {
            for item in &body.items {
                let deeper = read.iter().copied().chain(&item.keys).collect();
                collect(name, &item.value, deeper, labels, item.at, found)?;
            }
        }
        _ if read.len() < labels => {
            let problem = format!("`{name}` needs a name in quotes before its braces");
            return Err(HclError::new(at, problem));
        }
        _ => {
            let problem = format!("`{name}` must be a block in braces, not {}", value.describe());
            return Err(HclError::new(value.at, problem));
        }
    }
    Ok(())
}

impl Value {
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::String(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_integer(&self) -> Option<i64> {
        match self.kind {
            Kind::Integer(number) => Some(number),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self.kind {
            Kind::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    pub fn as_list(&self) -> Option<&[Value]> {
        match &self.kind {
            Kind::List(values) => Some(values),
            _ => None,
        }
    }

    pub fn as_object(&self) -> Option<&Body> {
        match &self.kind {
            Kind::Object(body) => Some(body),
            _ => None,
        }
    }

    /// What kind of value this is, for a sentence: "a text", "a list"…
    pub fn describe(&self) -> &'static str {
        match self.kind {
            Kind::Null => "null",
            Kind::String(_) => "a text",
            Kind::Integer(_) | Kind::Float(_) => "a number",
            Kind::Bool(_) => "a boolean",
            Kind::List(_) => "a list",
            Kind::Object(_) => "an object",
        }
    }
}
