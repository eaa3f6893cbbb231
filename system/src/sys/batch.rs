//! `sys/batch`: several operations on mounts as one transaction. How they are carried out is in core's pipeline.

use holdfast_core::request::canonical;
use sdk::{Failure, FromField, Input, MERGE_PATCH, Map, Path, Result, Step, Value, Verb};

/// The most operations of a batch.
const OPERATIONS_MAX: usize = 128;

pub fn path() -> Path {
    Path::new("batch")
        .help(
            "Several operations at once.",
            "Reads and writes what mounts store: all operations happen in one transaction, or none does. Each is checked \
             against the policies as a request of its own. Reads and lists show what was there before the batch. The \
             answer has one result per operation.",
        )
        .batch(Verb::Write, steps)
}

#[derive(Input)]
struct Batch {
    /// The operations, 1 to 128: objects with `operation` (create, update, patch, read, delete, list or scan), `path`, and
    /// `data`, the fields that the operation takes. A create is an update that must find nothing there.
    operations: Operations,
}

/// A list of any values; null and nothing are an empty one.
#[derive(Default)]
struct Operations(Vec<Value>);

impl FromField for Operations {
    const KIND: &'static str = "array";

    fn from_field(value: &Value) -> Result<Self, String> {
        match value {
            Value::Array(list) => Ok(Self(list.clone())),
            Value::Null => Ok(Self::default()),
            _ => Err("expected a list of objects".into()),
        }
    }
}

fn steps(batch: Batch) -> Result<Vec<Step>> {
    match batch.operations.0.len() {
        0 => Err(Failure::invalid("missing operations: the batch must have a list of at least one")),
        1..=OPERATIONS_MAX => batch.operations.0.into_iter().enumerate().map(|(n, value)| step(n + 1, value)).collect(),
        n => Err(Failure::invalid(format!("the batch has {n} operations; at most {OPERATIONS_MAX} are allowed"))),
    }
}

fn step(number: usize, value: Value) -> Result<Step> {
    let wrong = |what: &str| Failure::Invalid(format!("operation {number} of the batch {what}"));
    let Value::Object(mut fields) = value else { return Err(wrong("is no object with operation, path and data")) };
    let Some(Value::String(operation)) = fields.remove("operation") else { return Err(wrong("has no operation")) };
    let Some(Value::String(path)) = fields.remove("path") else { return Err(wrong("has no path")) };
    let body = match fields.remove("data") {
        Some(Value::Object(data)) => data,
        None | Some(Value::Null) => Map::new(),
        Some(_) => return Err(wrong("has data that are no object")),
    };
    if let Some(unknown) = fields.keys().next() {
        return Err(wrong(&format!("has a field {unknown:?}; it can have operation, path and data")));
    }
    let path = canonical(path.as_bytes()).map_err(|error| wrong(&format!("has a path that is none: {error}")))?;
    let (name, verb) = OPERATIONS.iter().find(|(name, _)| *name == operation).copied().ok_or_else(|| {
        let names = OPERATIONS.map(|(name, _)| name).join(", ");
        wrong(&format!("is called {operation:?}; it can be {names}"))
    })?;
    let content_type = if verb == Verb::Patch { MERGE_PATCH } else { "application/json" };
    Ok(Step { name, verb, only_new: name == "create", path, body, content_type })
}

const OPERATIONS: [(&str, Verb); 7] = [
    ("create", Verb::Write),
    ("update", Verb::Write),
    ("patch", Verb::Patch),
    ("read", Verb::Read),
    ("delete", Verb::Delete),
    ("list", Verb::List),
    ("scan", Verb::Scan),
];

#[cfg(test)]
mod tests {
    use sdk::json;

    use super::*;

    fn parse(operations: Value) -> Result<Vec<Step>> {
        steps(Batch { operations: Operations::from_field(&operations).map_err(Failure::Invalid)? })
    }

    #[test]
    fn what_is_no_batch_is_refused_with_the_reason() {
        let read = json!({"operation": "read", "path": "a"});
        for (operations, says) in [
            (Value::Null, "missing operations"),
            (json!([]), "missing operations"),
            (json!({"operation": "read", "path": "a"}), "list of objects"),
            (json!(vec![read.clone(); 129]), "has 129 operations"),
            (json!([read, "x"]), "operation 2 of the batch is no object"),
            (json!([{"path": "a"}]), "has no operation"),
            (json!([{"operation": "read"}]), "has no path"),
            (json!([{"operation": "read", "path": 5}]), "has no path"),
            (json!([{"operation": "write", "path": "a"}]), "it can be create, update"),
            (json!([{"operation": "read", "path": "a", "data": [1]}]), "data that are no object"),
            (json!([{"operation": "read", "path": "a", "body": {}}]), "has a field \"body\""),
            (json!([{"operation": "read", "path": "a/../b"}]), "relative paths"),
            (json!([{"operation": "read", "path": "/a"}]), "empty segment"),
        ] {
            let failure = parse(operations.clone()).err().expect("refused");
            assert!(failure.status() == 400 && failure.to_string().contains(says), "{operations}: {failure}");
        }
    }

    #[test]
    fn an_operation_brings_what_a_request_would() {
        let steps = parse(json!([
            {"operation": "create", "path": "kv/a", "data": {"x": 1}},
            {"operation": "patch", "path": "kv/a", "data": null},
        ]));
        let steps = steps.expect("a batch");
        assert!(steps[0].only_new && steps[0].verb == Verb::Write && steps[0].body["x"] == json!(1));
        assert_eq!((steps[1].content_type, steps[1].body.len()), ("application/merge-patch+json", 0));
    }
}
