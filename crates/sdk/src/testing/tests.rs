//! The declaration, end to end, on a toy plugin.

use serde_json::json;

use super::*;
use crate::{Backend, CommaList, Document, Input, Key, Path, Place, PluginKind, Read, Reply, Seconds, Txn};

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

/// As an answer shows it.
#[derive(serde::Serialize, schemars::JsonSchema)]
struct Shown {
    /// How many there are.
    count: u64,
    names: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rare: Option<String>,
}

#[test]
fn the_description_of_an_answer_comes_from_its_type() {
    let path = Path::new("things/:name/?")
        .ids([(Verb::Read, "things-look-up")])
        .login("name")
        .view(Verb::Read, |_: &Ctx, _: Name, _: &View| Reply::data(Shown { count: 1, names: None, rare: None }))
        .view(Verb::List, |_: &Ctx, _: Name, _: &View| Answer::keys(vec!["a".into()]))
        .txn(Verb::Write, |_: &Ctx, _: Name, _: &mut Txn| Ok(Answer::empty()))
        .txn(Verb::Delete, |_: &Ctx, _: Name, _: &mut Txn| Ok(Answer::empty()));
    let place = Place {
        prefix: "/m/".into(),
        parameter: Some(("m_mount_path".into(), "m".into())),
        kind: "toy".into(),
        tag: "secrets",
    };
    let mut document = Document::new("");
    document.add(&place, &path);
    let document = document.into_value();
    let item = &document["paths"]["/m/things/{name}"];
    assert_eq!(item["parameters"].as_array().unwrap().len(), 2);
    assert_eq!(item["x-vault-unauthenticated"], true);

    let read = &item["get"]["responses"]["200"];
    assert_eq!((&item["get"]["operationId"], &read["x-holdfast-part"]), (&json!("things-look-up"), &json!("data")));
    let schema = &document["components"]["schemas"]["ThingsLookUpResponse"];
    assert_eq!(schema["required"], json!(["count", "names"]), "{schema}");
    assert_eq!(schema["properties"]["count"]["description"], "How many there are.");
    assert_eq!(schema["properties"]["names"]["nullable"], true);

    assert_eq!(item["x-holdfast-list"]["operationId"], "toy-list-things-name");
    assert_eq!(item["post"]["responses"]["200"]["x-holdfast-part"], "auth", "a login gives a token");
    assert!(item["delete"]["responses"]["204"].is_object());
    assert_eq!(document["components"]["schemas"]["ToyListThingsNameResponse"]["properties"]["keys"]["type"], "array");
}
