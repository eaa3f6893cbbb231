//! `?help=1`: what the declarations say about a path.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::{Backend, Verb};

pub struct Help {
    pub text: String,
    pub openapi: Value,
}

impl Help {
    /// Help for a path of a mounted backend, or for the whole backend at its root.
    pub fn at(backend: &Backend, mount: &str, path: &str) -> Option<Self> {
        if path.is_empty() {
            return Some(Self::overview(backend, mount));
        }
        let found = backend.find(path)?.path;
        let mut text = format!("Request:        {path}\nMatching Route: {}\n\n{}\n", found.pattern.text(), found.help);
        let fields: std::collections::BTreeMap<_, _> =
            found.operations.values().flat_map(|o| &o.fields).map(|f| (f.name, f)).collect();
        if !fields.is_empty() {
            text.push_str("\n## PARAMETERS\n");
        }
        for field in fields.values() {
            let note = if field.deprecated { " (deprecated)" } else { "" };
            let _ = write!(text, "\n    {} ({}){note}\n        {}\n", field.name, field.kind, field.help);
        }
        let _ = write!(text, "\n## DESCRIPTION\n\n{}\n", found.description);
        let route = format!("/{}", found.pattern.text());
        Some(Self { text, openapi: document(Map::from_iter([(route, operations(&found))])) })
    }

    fn overview(backend: &Backend, mount: &str) -> Self {
        let mut text = format!("## DESCRIPTION\n\n{}\n\n## PATHS\n\nThe paths below {mount}:\n", backend.help);
        let mut paths = Map::new();
        for path in &backend.paths {
            let _ = write!(text, "\n    {}\n        {}\n", path.pattern.text(), path.help);
            paths.insert(format!("/{}", path.pattern.text()), operations(path));
        }
        Self { text, openapi: document(paths) }
    }
}

fn document(paths: Map<String, Value>) -> Value {
    json!({
        "openapi": "3.0.2",
        "info": {"title": "Holdfast API", "version": env!("CARGO_PKG_VERSION"), "license": {"name": "Apache-2.0"}},
        "paths": paths,
    })
}

fn operations(path: &crate::Path) -> Value {
    let mut out = Map::from_iter([("description".to_owned(), json!(path.help))]);
    for (verb, operation) in &path.operations {
        let method = match verb {
            Verb::Read | Verb::List | Verb::Scan => "get",
            Verb::Write => "post",
            Verb::Patch => "patch",
            Verb::Delete => "delete",
        };
        let properties: Map<String, Value> = operation
            .fields
            .iter()
            .map(|f| (f.name.to_owned(), json!({"type": f.kind, "description": f.help, "deprecated": f.deprecated})))
            .collect();
        let described = match method {
            "post" | "patch" => json!({
                "summary": path.help,
                "requestBody": {"content": {"application/json": {"schema": {"type": "object", "properties": properties}}}},
            }),
            _ => json!({"summary": path.help}),
        };
        out.insert(method.to_owned(), described);
    }
    Value::Object(out)
}
