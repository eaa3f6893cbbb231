//! `key=value` arguments as one object.
//!
//! `key=value`, `key=@file` (the file's text), `key=-` (standard input), `@file.json` and `-` (an object in JSON).
//! A backslash before `@` or `-` takes the sign away. A key that is given again has a list of values.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use super::failure::Failure;
use super::prompt;

/// At least one.
pub fn read(arguments: &[String]) -> Result<Value, Failure> {
    match read_any(arguments)? {
        object if object.is_empty() => Err(Failure::usage("Must supply data")),
        object => Ok(Value::Object(object)),
    }
}

pub fn read_any(arguments: &[String]) -> Result<Map<String, Value>, Failure> {
    let mut object = Map::new();
    for argument in arguments {
        if let Some(file) = argument.strip_prefix('@') {
            object.extend(json_object(&file_text(file)?, file)?);
        } else if argument == "-" {
            object.extend(json_object(&prompt::standard_input()?, "standard input")?);
        } else {
            let (key, value) = split(argument)?;
            add(&mut object, key, Value::String(text(value)?));
        }
    }
    Ok(object)
}

/// As parameters of a query: each value a text, a list its members.
pub fn query(arguments: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let mut query = Vec::new();
    for (key, value) in read_any(arguments)? {
        match value {
            Value::Array(values) => query.extend(values.iter().map(|value| (key.clone(), super::output::cell(value)))),
            value => query.push((key, super::output::cell(&value))),
        }
    }
    Ok(query)
}

/// Those of a flag such as `-options=version=2`: plain texts.
pub fn plain(arguments: &[String]) -> Result<Map<String, Value>, Failure> {
    let pairs = arguments.iter().map(|argument| split(argument).map(|(key, value)| (key.to_owned(), value.into())));
    pairs.collect()
}

fn split(argument: &str) -> Result<(&str, &str), Failure> {
    let lacking = || Failure::usage(format!("Failed to parse K=V data: {argument:?} has no `=`"));
    argument.split_once('=').ok_or_else(lacking)
}

fn add(object: &mut Map<String, Value>, key: &str, value: Value) {
    match object.get_mut(key) {
        None => {
            object.insert(key.to_owned(), value);
        }
        Some(Value::Array(values)) => values.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    }
}

/// A value as it was typed: a text, or where to read one.
pub fn text(value: &str) -> Result<String, Failure> {
    if value == "-" {
        return prompt::standard_input().map(|text| text.as_str().to_owned());
    }
    match value.strip_prefix('@') {
        Some(file) => file_text(file),
        None if value.starts_with("\\@") || value == "\\-" => Ok(value[1..].to_owned()),
        None => Ok(value.to_owned()),
    }
}

fn file_text(file: &str) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| Failure::file(Path::new(file), error))
}

fn json_object(text: &str, from: &str) -> Result<Map<String, Value>, Failure> {
    let unusable = |error| Failure::usage(format!("Failed to parse {from} as a JSON object: {error}"));
    serde_json::from_str(text).map_err(unusable)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(arguments: &[&str]) -> Result<Value, Failure> {
        read(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn pairs_become_members() {
        assert_eq!(of(&["a=1", "b=x=y", "c="]).unwrap(), json!({"a": "1", "b": "x=y", "c": ""}));
        assert_eq!(of(&["a=1", "a=2", "a=3"]).unwrap(), json!({"a": ["1", "2", "3"]}));
        assert_eq!(of(&["a=\\@x", "b=\\-"]).unwrap(), json!({"a": "@x", "b": "-"}));
    }

    #[test]
    fn files_hold_a_value_or_all_of_them() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "{\"n\": 1}").unwrap();
        let name = file.path().to_str().unwrap();
        assert_eq!(of(&[&format!("@{name}"), "m=2"]).unwrap(), json!({"n": 1, "m": "2"}));
        assert_eq!(of(&[&format!("k=@{name}")]).unwrap(), json!({"k": "{\"n\": 1}"}));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        assert!(of(&["novalue"]).unwrap_err().to_string().contains("has no `=`"));
        assert!(of(&["@/nowhere/x.json"]).unwrap_err().to_string().contains("/nowhere/x.json"));
        assert_eq!(of(&[]).unwrap_err().exit_status(), 1);
    }
}
