//! An operation's input: where its parameters come from and how they become a struct.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::Namespace;
use crate::{Failure, FromField, Pipe, PipeReader};

/// One field, for help and the API description.
#[derive(Clone, Copy, Debug)]
pub struct FieldSpec {
    pub name: &'static str,
    pub kind: &'static str,
    pub format: &'static str,
    pub help: &'static str,
    pub required: bool,
    pub deprecated: bool,
}

/// Implemented by `#[derive(Input)]`.
pub trait Input: Sized {
    /// Takes any field, so unknown ones are no mistake.
    const ARBITRARY: bool;
    fn fields() -> Vec<FieldSpec>;
    fn parse(params: &Params) -> Result<Self, Failure>;
}

/// What a request brought: names captured from its path, and its body (or its query, where there is no body).
#[derive(Clone, Default)]
pub struct Params {
    captures: BTreeMap<&'static str, String>,
    body: Map<String, Value>,
    upload: Option<Pipe>,
    namespace: Namespace,
}

impl Params {
    pub fn new(captures: BTreeMap<&'static str, String>, body: Map<String, Value>) -> Self {
        Self { captures, body, upload: None, namespace: Namespace::root() }
    }

    #[must_use]
    pub fn with_upload(self, upload: Option<Pipe>) -> Self {
        Self { upload, ..self }
    }

    #[must_use]
    pub fn with_namespace(self, namespace: Namespace) -> Self {
        Self { namespace, ..self }
    }

    /// That the request goes to: an act is told nothing else of it.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The body of a request whose body is no JSON but a stream, for whoever opens it first.
    pub fn upload(&self) -> Option<PipeReader> {
        self.upload.as_ref().and_then(Pipe::open)
    }

    pub fn body(&self) -> &Map<String, Value> {
        &self.body
    }

    pub fn capture(&self, name: &str) -> Option<&str> {
        self.captures.get(name).map(String::as_str)
    }

    /// The path's value wins over the body's.
    pub fn take<T: FromField>(&self, name: &str) -> Result<Option<T>, Failure> {
        let parsed = match (self.captures.get(name), self.body.get(name)) {
            (Some(text), _) => T::from_field(&Value::String(text.clone())),
            (None, Some(value)) => T::from_field(value),
            (None, None) => return Ok(None),
        };
        parsed.map(Some).map_err(|why| {
            Failure::Invalid(format!("Field validation failed: error converting input for field {name:?}: {why}"))
        })
    }

    pub fn require<T: FromField>(&self, name: &str) -> Result<T, Failure> {
        self.take(name)?.ok_or_else(|| Failure::Invalid(format!("missing {name}: the request must have this field")))
    }

    /// What the caller should know about parameters that had no effect.
    pub fn warnings(&self, fields: &[FieldSpec]) -> Vec<String> {
        let known = |name: &str| fields.iter().any(|f| f.name == name);
        let list = |names: Vec<&str>| names.join(" ");
        let unknown: Vec<&str> =
            self.body.keys().map(String::as_str).filter(|n| !known(n) && !self.captures.contains_key(n)).collect();
        let replaced: Vec<&str> =
            self.body.keys().map(String::as_str).filter(|n| self.captures.contains_key(n)).collect();
        let mut warnings = Vec::new();
        if !unknown.is_empty() {
            warnings.push(format!("Endpoint ignored these unrecognized parameters: [{}]", list(unknown)));
        }
        if !replaced.is_empty() {
            warnings.push(format!(
                "Endpoint replaced the value of these parameters with the values captured from the endpoint's path: [{}]",
                list(replaced)
            ));
        }
        warnings
    }
}
