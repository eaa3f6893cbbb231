//! The declaration, end to end, on a toy plugin.

use serde_json::json;

use super::*;
use crate::{Backend, CommaList, Input, Key, Path, PluginKind, Read, Seconds, Txn};

/// What a note is made of.
#[derive(Input)]
struct Write {
    /// The note's name.
    name: String,
    /// How long it counts.
    #[field(default = Seconds(Duration::from_secs(60)))]
    ttl: Seconds,
    /// Its tags.
    tags: CommaList,
    /// How often.
    times: Option<i64>,
    /// Must be there.
    #[field(required, name = "text")]
    words: String,
}

#[derive(Input)]
struct Name {
    name: String,
}

struct Notes(Backend);

impl Notes {
    fn new() -> Self {
        let note = Path::new("notes/:name")
            .help("A note.", "Keeps a note.")
            .exists(|_: &Ctx, name: Name, view: &View| Ok(view.bytes(&key(&name.name))?.is_some()))
            .view(Verb::Read, |_: &Ctx, name: Name, view: &View| {
                let note: Option<Map<String, Value>> = view.get(&key(&name.name))?;
                note.map(Answer::data).ok_or(Failure::NotFound)
            })
            .txn(Verb::Write, |_: &Ctx, w: Write, txn: &mut Txn| {
                let note = json!({"text": w.words, "ttl": w.ttl.0.as_secs(), "tags": w.tags.0, "times": w.times});
                txn.put(&key(&w.name), &note)?;
                Ok(Answer::empty())
            });
        Self(Backend::new("Notes.", vec![note]))
    }
}

fn key(name: &str) -> Key {
    Key::kind("note").name(name)
}

impl Plugin for Notes {
    fn kind(&self) -> PluginKind {
        PluginKind::Secret
    }
    fn types(&self) -> &'static [&'static str] {
        &["notes"]
    }
    fn backend(&self, _mount: &MountInfo) -> &Backend {
        &self.0
    }
}

#[tokio::test]
async fn lenient_types_defaults_and_warnings() {
    let mut bench = Bench::new(Notes::new(), &[]);
    assert_eq!(bench.exists("notes/n").unwrap(), Some(false));
    let body = json!({"text": 7, "tags": "a, b", "times": "3", "name": "other", "colour": "red"});
    let answer = bench.write("notes/n", body).await.unwrap();
    assert_eq!(answer.warnings.len(), 2, "{:?}", answer.warnings);
    assert_eq!(bench.exists("notes/n").unwrap(), Some(true));
    let note = data(bench.read("notes/n").await.unwrap());
    assert_eq!(Value::Object(note), json!({"text": "7", "ttl": 60, "tags": ["a", "b"], "times": 3}));
}

#[tokio::test]
async fn a_bad_field_is_the_callers_fault_and_names_the_field() {
    let mut bench = Bench::new(Notes::new(), &[]);
    for (body, says) in [
        (json!({"text": "x", "ttl": "soon"}), "ttl"),
        (json!({"text": "x", "ttl": -1}), "negative"),
        (json!({"text": {"a": 1}}), "text"),
        (json!({"times": 1}), "missing text"),
        (json!({"text": "x", "times": 1.5}), "times"),
    ] {
        let failure = bench.write("notes/n", body).await.err().expect("refused");
        assert_eq!(failure.status(), 400);
        assert!(failure.to_string().contains(says), "{failure}");
    }
    assert_eq!(bench.read("notes/n").await.err().expect("nothing was written").status(), 404);
    assert_eq!(bench.call(Verb::Delete, "notes/n", Value::Null).await.err().expect("undeclared").status(), 405);
}

#[test]
fn help_comes_from_the_declaration() {
    let notes = Notes::new();
    let bench = Bench::new(Notes::new(), &[]);
    let help = crate::Help::at(&notes.0, &bench.mount, "notes/n").unwrap();
    assert!(help.text.contains("How long it counts."), "{}", help.text);
    let described = &help.openapi["paths"]["/notes/{name}"];
    assert_eq!(described["parameters"][0]["name"], "name");
    let schemas = &help.openapi["components"]["schemas"];
    let reference = &described["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    let name = reference.as_str().unwrap().rsplit('/').next().unwrap();
    assert!(schemas[name]["properties"]["text"]["description"].is_string(), "{}", help.openapi);
    assert!(described["post"]["responses"]["204"].is_object(), "a write answers nothing unless it says so");
}
