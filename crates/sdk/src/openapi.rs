//! The API description (OpenAPI 3.0), made of the declarations. Its shape and its extensions are those that clients of
//! this API generate code from: a listing is a GET with `list=true`, and a response's schema is of the answer's `data`,
//! unless `x-holdfast-part` names another part of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::{Content, FieldSpec, Operation, Outcome, Path, Verb};

/// Where the paths that are described are mounted.
pub struct Place {
    /// Before each path, as `/auth/token/`. A mount's own path may stand there as `{name}`.
    pub prefix: String,
    /// That name, and the path that it stands for.
    pub parameter: Option<(String, String)>,
    /// The kind of mount, with which operation IDs begin that are not declared.
    pub kind: String,
    /// What documentation groups the operations by.
    pub tag: &'static str,
}

#[derive(Default)]
pub struct Document {
    /// Put behind each operation ID.
    context: String,
    paths: Map<String, Value>,
    schemas: Map<String, Value>,
    ids: BTreeSet<String>,
}

impl Document {
    pub fn new(context: &str) -> Self {
        Self { context: context.to_owned(), ..Self::default() }
    }

    pub fn into_value(self) -> Value {
        json!({
            "openapi": "3.0.2",
            "info": {
                "title": "Holdfast API",
                "description": "HTTP API of a secrets server. All routes begin with `/v1/`. A response's schema is of the part of \
                    the answer that `x-holdfast-part` names: `data` or `auth` of the envelope, or all of the `body`.",
                "version": env!("CARGO_PKG_VERSION"),
                "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            },
            "paths": self.paths,
            "components": {"schemas": self.schemas},
        })
    }

    pub fn add(&mut self, place: &Place, path: &Path) {
        let relative = path.pattern.template();
        let captures: BTreeSet<&str> = path.pattern.names().collect();
        let mut item = Map::from_iter([("description".to_owned(), json!(path.help))]);
        let parameters = path_parameters(place, path);
        if !parameters.is_empty() {
            item.insert("parameters".into(), json!(parameters));
        }
        for (says, applies) in [
            ("x-vault-sudo", path.sudo),
            ("x-vault-unauthenticated", path.open),
            ("x-vault-createSupported", path.tells_creates()),
        ] {
            if applies {
                item.insert(says.into(), json!(true));
            }
        }
        // One method has room for one of these. The others are told of as well, where generators do not look.
        let mut reads = [Verb::Read, Verb::List, Verb::Scan]
            .into_iter()
            .filter_map(|verb| Some((verb, path.operations.get(&verb)?)))
            .peekable();
        let first = reads.next();
        if let Some((verb, operation)) = first {
            let others: Vec<Verb> = reads.clone().map(|(verb, _)| verb).collect();
            let described = self.operation(place, path, &relative, verb, operation, &captures, &others);
            item.insert("get".into(), described);
        }
        for (verb, operation) in reads {
            let described = self.operation(place, path, &relative, verb, operation, &captures, &[]);
            item.insert(format!("x-holdfast-{}", word(verb)), described);
        }
        for (verb, method) in [(Verb::Write, "post"), (Verb::Patch, "patch"), (Verb::Delete, "delete")] {
            if let Some(operation) = path.operations.get(&verb) {
                let described = self.operation(place, path, &relative, verb, operation, &captures, &[]);
                item.insert(method.into(), described);
            }
        }
        self.paths.insert(format!("{}{relative}", place.prefix), Value::Object(item));
    }

    #[expect(clippy::too_many_arguments, reason = "all that one operation's description is made of")]
    fn operation(
        &mut self,
        place: &Place,
        path: &Path,
        relative: &str,
        verb: Verb,
        operation: &Operation,
        captures: &BTreeSet<&str>,
        others: &[Verb],
    ) -> Value {
        let declared = path.ids.iter().find(|(of, _)| *of == verb).map(|(_, id)| (*id).to_owned());
        let id = self.unique(declared.unwrap_or_else(|| default_id(&place.kind, verb, relative)));
        let name = title(&id);
        let fields = operation.fields.iter().filter(|field| !captures.contains(field.name));
        let mut out = json!({"summary": path.help, "operationId": id, "tags": [place.tag]});
        if matches!(verb, Verb::Write | Verb::Patch) {
            let (mut properties, mut required) = (Map::new(), Vec::new());
            for field in fields {
                properties.insert(field.name.to_owned(), described_field(field));
                if field.required {
                    required.push(field.name);
                }
            }
            if !properties.is_empty() || operation.arbitrary {
                let mut schema = json!({"type": "object", "properties": properties});
                if !required.is_empty() {
                    schema["required"] = json!(required);
                }
                let schema = self.component(&format!("{name}Request"), schema);
                out["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": schema}}});
            }
        } else {
            let mut parameters: Vec<Value> = fields
                .map(|field| {
                    let mut parameter = json!({
                        "name": field.name, "description": field.help, "in": "query", "schema": field_schema(field),
                    });
                    if field.deprecated {
                        parameter["deprecated"] = json!(true);
                    }
                    parameter
                })
                .collect();
            let flag = |verb: Verb, required: bool| {
                let only = if required { "Must be set to `true`" } else { "Return a list if `true`" };
                json!({
                    "name": word(verb), "description": only, "in": "query", "required": required,
                    "schema": {"type": "string", "enum": ["true"]},
                })
            };
            if verb != Verb::Read && verb != Verb::Delete {
                parameters.push(flag(verb, true));
            }
            parameters.extend(others.iter().map(|other| flag(*other, false)));
            if !parameters.is_empty() {
                out["parameters"] = json!(parameters);
            }
        }
        out["responses"] = self.responses(&name, path.outcome(verb));
        out
    }

    fn responses(&mut self, name: &str, outcome: Option<Outcome>) -> Value {
        let Some(outcome) = outcome else { return json!({"200": {"description": "OK"}}) };
        let status = outcome.status.to_string();
        match outcome.content {
            Content::Nothing => json!({status: {"description": "empty body"}}),
            Content::Other(content_type) => {
                let schema = json!({"type": "string", "format": "binary"});
                json!({status: {"description": "OK", "content": {content_type: {"schema": schema}}}})
            }
            Content::Json { part, schema, may_be_empty } => {
                let schema = self.component(&format!("{name}Response"), schema());
                let content = json!({"application/json": {"schema": schema}});
                let mut out =
                    json!({status: {"description": "OK", "content": content, "x-holdfast-part": part.name()}});
                if may_be_empty {
                    out["204"] = json!({"description": "empty body"});
                }
                out
            }
        }
    }

    /// A reference to the schema, which is kept under this name.
    fn component(&mut self, name: &str, schema: Value) -> Value {
        self.schemas.insert(name.to_owned(), schema);
        json!({"$ref": format!("#/components/schemas/{name}")})
    }

    /// What is mounted twice is numbered.
    fn unique(&mut self, id: String) -> String {
        let behind = |id: &str, more: &str| if more.is_empty() { id.to_owned() } else { format!("{id}-{more}") };
        let mut unique = behind(&id, &self.context);
        let mut number = 2;
        while !self.ids.insert(unique.clone()) {
            unique = behind(&format!("{id}{number}"), &self.context);
            number += 1;
        }
        unique
    }
}

fn path_parameters(place: &Place, path: &Path) -> Vec<Value> {
    let known: BTreeMap<&str, &FieldSpec> =
        path.operations.values().flat_map(|operation| &operation.fields).map(|field| (field.name, field)).collect();
    let mut parameters: Vec<Value> = path
        .pattern
        .names()
        .map(|name| {
            let help = known.get(name).map_or("", |field| field.help);
            let schema = known.get(name).map_or_else(|| json!({"type": "string"}), |field| field_schema(field));
            json!({"name": name, "description": help, "in": "path", "schema": schema, "required": true})
        })
        .collect();
    if let Some((name, stands_for)) = &place.parameter {
        parameters.push(json!({
            "name": name, "description": "Path that the backend was mounted at", "in": "path",
            "schema": {"type": "string", "default": stands_for}, "required": true,
        }));
    }
    parameters
}

fn described_field(field: &FieldSpec) -> Value {
    let mut schema = field_schema(field);
    schema["description"] = json!(field.help);
    if field.deprecated {
        schema["deprecated"] = json!(true);
    }
    schema
}

fn field_schema(field: &FieldSpec) -> Value {
    match (field.kind, field.format) {
        ("array", "") => json!({"type": "array", "items": {}}),
        ("array", items) => json!({"type": "array", "items": {"type": items}}),
        (kind, "") => json!({"type": kind}),
        (kind, format) => json!({"type": kind, "format": format}),
    }
}

fn word(verb: Verb) -> &'static str {
    match verb {
        Verb::Read => "read",
        Verb::Write => "write",
        Verb::Patch => "patch",
        Verb::Delete => "delete",
        Verb::List => "list",
        Verb::Scan => "scan",
    }
}

/// `kv-read-data-path`
fn default_id(kind: &str, verb: Verb, relative: &str) -> String {
    let words = relative.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    let parts: Vec<&str> = [kind, word(verb)].into_iter().filter(|part| !part.is_empty()).chain(words).collect();
    parts.join("-").to_lowercase()
}

/// `KvReadDataPath`
fn title(id: &str) -> String {
    let upper = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().into_iter().flat_map(char::to_uppercase);
        first.chain(letters).collect::<String>()
    };
    id.split('-').map(upper).collect()
}
