//! The API description of a running server: its operations, and whether an answer is what it says.

use serde_json::{Map, Value, json};

use super::client::{Answer, Client};

pub struct Description(pub Value);

/// One operation on one path.
#[derive(Clone)]
pub struct Operation {
    pub method: &'static str,
    /// Below `/v1`, with names in braces.
    pub template: String,
    /// Needs no token.
    pub open: bool,
    described: Value,
}

/// Where a description has an operation, and the method that clients call it by.
const PLACES: [(&str, &str); 6] = [
    ("get", "GET"),
    ("x-holdfast-list", "LIST"),
    ("x-holdfast-scan", "SCAN"),
    ("post", "POST"),
    ("patch", "PATCH"),
    ("delete", "DELETE"),
];

impl Description {
    /// As whoever the client is may see it.
    pub async fn of(client: &Client) -> Description {
        Description(client.get("/v1/sys/internal/specs/openapi").await.ok())
    }

    pub fn operations(&self) -> Vec<Operation> {
        let mut found = Vec::new();
        for (template, item) in self.0["paths"].as_object().unwrap() {
            for (place, method) in PLACES {
                let Some(described) = item.get(place) else { continue };
                let only = |name: &str| {
                    let flag = |parameter: &Value| parameter["name"] == name && parameter["required"] == true;
                    place == "get" && described["parameters"].as_array().is_some_and(|all| all.iter().any(flag))
                };
                let method = if only("list") {
                    "LIST"
                } else if only("scan") {
                    "SCAN"
                } else {
                    method
                };
                let open = item["x-vault-unauthenticated"] == true;
                found.push(Operation { method, template: template.clone(), open, described: described.clone() });
            }
        }
        found
    }

    /// The operation that a request meant: the path that has the most of it in words.
    pub fn find(&self, method: &str, path: &str) -> Option<Operation> {
        let path = path.split('?').next().unwrap_or_default();
        let fitting = self.operations().into_iter().filter(|op| op.method == method && fits(&op.template, path));
        fitting.max_by_key(|op| {
            let names = op.template.matches('{').count();
            (op.template.split('/').count() - names, std::cmp::Reverse(names))
        })
    }

    /// What is in an answer and not in the description of it, or the other way round.
    pub fn differences(&self, operation: &Operation, answer: &Answer) -> Vec<String> {
        let responses = &operation.described["responses"];
        let Some(said) = responses.get(answer.status.to_string()) else {
            // A write that answers nothing may have warnings all the same.
            let nothing =
                responses.get("204").is_some() && answer.body["data"].is_null() && answer.body["auth"].is_null();
            return match (answer.status, nothing) {
                (200, true) => Vec::new(),
                (status, _) => vec![format!("status {status} is not described")],
            };
        };
        let Some(schema) = said["content"].get("application/json").map(|content| &content["schema"]) else {
            let told = &answer.body["data"];
            return if told.is_null() { Vec::new() } else { vec![format!("data that is not described: {told}")] };
        };
        let part = match said["x-holdfast-part"].as_str() {
            Some("body") => &answer.body,
            Some(part) => &answer.body[part],
            None => return vec!["it is not said which part the schema describes".to_owned()],
        };
        let mut problems = Vec::new();
        self.compare(schema, part, "", &mut problems);
        problems
    }

    fn compare(&self, schema: &Value, value: &Value, at: &str, problems: &mut Vec<String>) {
        if let Some(name) = schema["$ref"].as_str() {
            let name = name.rsplit('/').next().unwrap();
            return self.compare(&self.0["components"]["schemas"][name], value, at, problems);
        }
        if value.is_null() && schema["nullable"] == true {
            return;
        }
        for of in ["anyOf", "oneOf"] {
            let Some(choices) = schema[of].as_array() else { continue };
            let problems_of = |choice| {
                let mut problems = Vec::new();
                self.compare(choice, value, at, &mut problems);
                problems
            };
            let mut each: Vec<Vec<String>> = choices.iter().map(problems_of).collect();
            each.sort_by_key(Vec::len);
            problems.extend(each.into_iter().next().unwrap_or_default());
            return;
        }
        let fits = match schema["type"].as_str() {
            None => true,
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("boolean") => value.is_boolean(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            Some(other) => panic!("{at}: {other:?} is no type"),
        };
        if !fits {
            problems.push(format!("{at}: {value} is no {}", schema["type"]));
            return;
        }
        match value {
            Value::Object(fields) if schema["type"] == "object" => self.compare_fields(schema, fields, at, problems),
            Value::Array(items) => {
                items.iter().for_each(|item| self.compare(&schema["items"], item, &format!("{at}[]"), problems));
            }
            _ => {}
        }
    }

    fn compare_fields(&self, schema: &Value, fields: &Map<String, Value>, at: &str, problems: &mut Vec<String>) {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                problems.push(format!("{at}.{name} is missing"));
            }
        }
        let anything = json!({});
        for (name, value) in fields {
            let more = match &schema["additionalProperties"] {
                Value::Bool(true) => Some(&anything),
                Value::Object(_) => Some(&schema["additionalProperties"]),
                _ => None,
            };
            match schema["properties"].get(name).or(more) {
                Some(schema) => self.compare(schema, value, &format!("{at}.{name}"), problems),
                None => problems.push(format!("{at}.{name} is not described")),
            }
        }
    }

    /// The fields of an operation's body, each with its type, if it has a certain one.
    pub fn fields(&self, operation: &Operation) -> Vec<(String, Option<String>)> {
        let reference = &operation.described["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        let name = reference.as_str().and_then(|reference| reference.rsplit('/').next()).unwrap_or_default();
        let properties = self.0["components"]["schemas"][name]["properties"].as_object().into_iter().flatten();
        properties.map(|(name, schema)| (name.clone(), schema["type"].as_str().map(str::to_owned))).collect()
    }

    /// A body with something of its type in every field.
    pub fn plausible_body(&self, operation: &Operation, text: &str) -> Value {
        if operation.described["requestBody"].is_null() {
            return json!({});
        }
        let value = |kind: Option<&str>| match kind {
            Some("string") => json!(text),
            Some("boolean") => json!(true),
            Some("integer" | "number") => json!(1),
            Some("array") => json!([text]),
            _ => json!({ text: text }),
        };
        let fields = self.fields(operation).into_iter().map(|(name, kind)| (name, value(kind.as_deref())));
        let fields: Map<String, Value> = fields.collect();
        // It takes whatever it is given.
        if fields.is_empty() { json!({ text: text }) } else { Value::Object(fields) }
    }
}

impl Operation {
    pub fn id(&self) -> &str {
        self.described["operationId"].as_str().unwrap()
    }

    /// Whether it is said what it answers.
    pub fn says_what_it_answers(&self) -> bool {
        let responses = self.described["responses"].as_object().unwrap();
        responses
            .iter()
            .all(|(status, said)| status == "204" || said["content"].is_object() || said["description"] != "OK")
    }

    /// What may stand behind the path's question mark.
    pub fn query(&self) -> Vec<&str> {
        let parameters = self.described["parameters"].as_array().into_iter().flatten();
        let queried = parameters.filter(|parameter| parameter["in"] == "query");
        queried.filter_map(|parameter| parameter["name"].as_str()).collect()
    }

    /// The path with `text` in every name's place.
    pub fn path(&self, text: &str) -> String {
        self.path_with(|_| text.to_owned())
    }

    /// The path with what each name is to be in its place.
    pub fn path_with(&self, text: impl Fn(&str) -> String) -> String {
        let segment = |part: &str| match part.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => text(name),
            None => part.to_owned(),
        };
        format!("/v1{}", self.template.split('/').map(segment).collect::<Vec<_>>().join("/"))
    }
}

fn fits(template: &str, path: &str) -> bool {
    let mut rest = path.strip_prefix("/v1").unwrap_or(path).trim_end_matches('/').split('/').peekable();
    let mut parts = template.split('/').peekable();
    while let Some(part) = parts.next() {
        match rest.next() {
            Some(_) if part.starts_with('{') => {
                // A name may have slashes: it takes what the words behind it leave.
                let behind = parts.clone().count();
                while rest.clone().count() > behind {
                    rest.next();
                }
            }
            Some(segment) if segment == part => {}
            None if part.starts_with('{') => {}
            _ => return false,
        }
    }
    rest.next().is_none()
}
