//! Templates of claims: JSON with `{{identity.…}}` and `{{time.…}}` where values are to come.
//!
//! A directive stands for one JSON value, and is put in as one: the template is read as JSON first, so whatever an entity
//! is called, or has in its metadata, can neither add a claim nor change one. A directive that would be a part of a text, or
//! a claim's name, is refused when the template is written.

use std::collections::BTreeMap;

use policy::{TemplateAlias, TemplateEntity, TemplateValues};
use sdk::{Map, Millis, Value, json};

use crate::reserved;

/// The longest one, in bytes.
pub const TEMPLATE_MAX: usize = 32 * 1024;

const UNBALANCED: &str = "unbalanced templating characters";
const NOT_FOUND: &str = "no value could be found for one of the template directives";

#[derive(Debug)]
pub struct Template {
    /// What stands between the directives: one more than there are of these.
    literals: Vec<String>,
    directives: Vec<Directive>,
}

#[derive(Debug, PartialEq)]
enum Directive {
    Entity(OfEntity),
    /// Now, and so many seconds.
    Time(i128),
}

#[derive(Debug, PartialEq)]
enum OfEntity {
    Id,
    Name,
    Metadata(Option<String>),
    GroupNames,
    GroupIds,
    Alias(String, OfAlias),
}

#[derive(Debug, PartialEq)]
enum OfAlias {
    Id,
    Name,
    Metadata(Option<String>),
    CustomMetadata(Option<String>),
}

impl Template {
    /// Reads a template and makes sure that it gives claims, whoever they are of.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.len() > TEMPLATE_MAX {
            return Err(format!("error parsing template: it has more than {TEMPLATE_MAX} bytes"));
        }
        let template = Self::read(text).map_err(|why| format!("error parsing template: {why}"))?;
        let claims = template.render(Some(&TemplateValues::default()), Millis(0))?;
        match claims.keys().find_map(|name| reserved(name)) {
            Some(refusal) => Err(refusal),
            None => Ok(template),
        }
    }

    fn read(text: &str) -> Result<Self, String> {
        let mut pieces = text.split("{{");
        let first = pieces.next().unwrap_or_default();
        if first.contains("}}") && !only_closes(first) {
            return Err(UNBALANCED.into());
        }
        let (mut literals, mut directives) = (vec![first.to_owned()], Vec::new());
        for piece in pieces {
            let (inside, literal) = piece.split_once("}}").ok_or(UNBALANCED)?;
            if literal.contains("}}") && !only_closes(literal) {
                return Err(UNBALANCED.into());
            }
            directives.push(Directive::read(inside.trim())?);
            literals.push(literal.to_owned());
        }
        Ok(Self { literals, directives })
    }

    /// The claims of an entity. Without one there are those alone that need none.
    pub fn fill(&self, values: Option<&TemplateValues>, now: Millis) -> Result<Map<String, Value>, String> {
        let mut claims = self.render(values, now)?;
        claims.retain(|name, _| reserved(name).is_none());
        Ok(claims)
    }

    fn render(&self, values: Option<&TemplateValues>, now: Millis) -> Result<Map<String, Value>, String> {
        let mut text = self.literals[0].clone();
        let mut places = BTreeMap::new();
        // No text of the template's own looks like a place, however it is written.
        let mark = hex::encode(crypto::random::<16>());
        for (number, (directive, literal)) in self.directives.iter().zip(&self.literals[1..]).enumerate() {
            match directive {
                Directive::Time(seconds) => {
                    text += &(i128::from(now.0 / 1000) + seconds).to_string();
                }
                Directive::Entity(wanted) => {
                    let values =
                        values.ok_or("string contains entity template directives but no entity was provided")?;
                    let place = format!("{mark} {number}");
                    text += &json!(place).to_string();
                    places.insert(place, wanted.of(values));
                }
            }
            text += literal;
        }
        let broken = |why: String| format!("error parsing template JSON: {why}");
        let mut claims: Map<String, Value> =
            serde_json::from_str(&text).map_err(|problem| broken(problem.to_string()))?;
        let wanted = places.len();
        let mut filled = 0;
        claims.values_mut().for_each(|value| put_in(value, &places, &mut filled));
        if filled == wanted {
            Ok(claims)
        } else {
            Err(broken("a directive stands for a value, and not for a name".into()))
        }
    }
}

/// Two or more braces behind a directive may close objects.
fn only_closes(literal: &str) -> bool {
    let text = literal.trim_end();
    let rest = text.trim_end_matches(|c: char| c == '}' || c.is_whitespace());
    !rest.contains("}}")
}

fn put_in(value: &mut Value, places: &BTreeMap<String, Value>, filled: &mut usize) {
    match value {
        Value::String(text) => {
            if let Some(own) = places.get(text.as_str()) {
                *value = own.clone();
                *filled += 1;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| put_in(item, places, filled)),
        Value::Object(fields) => fields.values_mut().for_each(|field| put_in(field, places, filled)),
        _ => {}
    }
}

impl Directive {
    fn read(text: &str) -> Result<Self, String> {
        if let Some(text) = text.strip_prefix("identity.entity.") {
            return OfEntity::read(text).map(Self::Entity);
        }
        if text.starts_with("identity.groups.") {
            return Err("string contains groups template directives but no groups were provided".into());
        }
        match text.strip_prefix("time.") {
            Some(text) => time(text).map(Self::Time),
            None => Err(NOT_FOUND.into()),
        }
    }
}

fn time(text: &str) -> Result<i128, String> {
    let mut parts = text.splitn(3, '.');
    let first = parts.next().unwrap_or_default();
    if first != "now" {
        return Err(format!("invalid time selector {first:?}"));
    }
    let Some(operator) = parts.next() else { return Ok(0) };
    let operand = parts.next().ok_or("missing time operand")?;
    let span = sdk::duration::parse(operand).ok_or_else(|| format!("invalid duration: {operand:?}"))?;
    match operator {
        "plus" => Ok(span / sdk::duration::SECOND),
        "minus" => Ok(-span / sdk::duration::SECOND),
        _ => Err(format!("invalid time operator {operator:?}")),
    }
}

/// All of a map, or what is under one key.
fn keyed(text: &str, map: &str) -> Option<Option<String>> {
    let rest = text.strip_prefix(map)?;
    if rest.is_empty() { Some(None) } else { rest.strip_prefix('.').map(|key| Some(key.to_owned())) }
}

impl OfEntity {
    fn read(text: &str) -> Result<Self, String> {
        if let Some(text) = text.strip_prefix("aliases.") {
            let (accessor, text) = text.split_once('.').ok_or("invalid alias selector")?;
            return OfAlias::read(text).map(|wanted| Self::Alias(accessor.to_owned(), wanted));
        }
        match text {
            "id" => Ok(Self::Id),
            "name" => Ok(Self::Name),
            "groups.names" => Ok(Self::GroupNames),
            "groups.ids" => Ok(Self::GroupIds),
            _ => keyed(text, "metadata").map(Self::Metadata).ok_or_else(|| NOT_FOUND.into()),
        }
    }

    fn of(&self, values: &TemplateValues) -> Value {
        let nobody = TemplateEntity::default();
        let entity = values.entity.as_ref().unwrap_or(&nobody);
        match self {
            Self::Id => json!(entity.id),
            Self::Name => json!(entity.name),
            Self::Metadata(key) => under(&entity.metadata, key.as_deref()),
            // As clients know it of who is in none.
            Self::GroupNames | Self::GroupIds if values.groups.is_empty() => Value::Null,
            Self::GroupNames => values.groups.iter().map(|group| group.name.clone()).collect(),
            Self::GroupIds => values.groups.iter().map(|group| group.id.clone()).collect(),
            Self::Alias(accessor, wanted) => {
                let none = TemplateAlias::default();
                let found = entity.aliases.iter().find(|alias| alias.mount_accessor == *accessor);
                wanted.of(found.unwrap_or(&none))
            }
        }
    }
}

impl OfAlias {
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "id" => Ok(Self::Id),
            "name" => Ok(Self::Name),
            _ => {
                let metadata = keyed(text, "metadata").map(Self::Metadata);
                metadata
                    .or_else(|| keyed(text, "custom_metadata").map(Self::CustomMetadata))
                    .ok_or_else(|| NOT_FOUND.into())
            }
        }
    }

    fn of(&self, alias: &TemplateAlias) -> Value {
        match self {
            Self::Id => json!(alias.id),
            Self::Name => json!(alias.name),
            Self::Metadata(key) => under(&alias.metadata, key.as_deref()),
            Self::CustomMetadata(key) => under(&alias.custom_metadata, key.as_deref()),
        }
    }
}

/// What is not there reads as an empty text.
fn under(map: &BTreeMap<String, String>, key: Option<&str>) -> Value {
    match key {
        None => json!(map),
        Some(key) => json!(map.get(key).map(String::as_str).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests;
