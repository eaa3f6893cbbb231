//! The plugin on a mount of its own, as the recorded answers of servers have it. Mirrors `paths/`.

mod plugin;
mod v1;
mod v2;

use std::collections::BTreeMap;

use sdk::testing::Bench;
use sdk::{
    Answer, Backend, Body, Ctx, Input, Key, MountInfo, Path, Plugin, PluginKind, Read, Result, Value, Verb, View, json,
};

use crate::Kv;

/// What a client sees of an answer.
struct Seen {
    status: u16,
    data: Value,
    warnings: Vec<String>,
    lease_seconds: u64,
    error: String,
}

struct Mount {
    bench: Bench,
}

impl Mount {
    fn v1() -> Self {
        Self { bench: Bench::new(Peek::new(), &[]) }
    }

    fn v2() -> Self {
        Self { bench: Bench::new(Peek::new(), &[("version", "2")]) }
    }

    async fn call(&mut self, verb: Verb, path: &str, body: Value) -> Seen {
        match self.bench.call(verb, path, body).await {
            Ok(answer) => seen(answer),
            Err(failure) => Seen {
                status: failure.status(),
                data: Value::Null,
                warnings: Vec::new(),
                lease_seconds: 0,
                error: failure.to_string(),
            },
        }
    }

    async fn get(&mut self, path: &str) -> Seen {
        self.call(Verb::Read, path, Value::Null).await
    }

    async fn get_with(&mut self, path: &str, query: Value) -> Seen {
        self.call(Verb::Read, path, query).await
    }

    async fn post(&mut self, path: &str, body: Value) -> Seen {
        self.call(Verb::Write, path, body).await
    }

    async fn patch(&mut self, path: &str, body: Value) -> Seen {
        self.bench.content_type = "application/merge-patch+json";
        let seen = self.call(Verb::Patch, path, body).await;
        self.bench.content_type = "application/json";
        seen
    }

    async fn delete(&mut self, path: &str) -> Seen {
        self.call(Verb::Delete, path, Value::Null).await
    }

    async fn keys(&mut self, verb: Verb, path: &str, query: Value) -> Value {
        let seen = self.call(verb, path, query).await;
        assert_eq!((seen.status, seen.warnings.len()), (200, 0), "{path}: {}", seen.error);
        seen.data["keys"].clone()
    }

    fn sleep(&mut self, millis: u64) {
        self.bench.now.0 += millis;
    }

    /// How many records of each kind are stored.
    async fn stored(&mut self) -> Value {
        self.get("~stored").await.data
    }

    /// Writes one more version, which must work.
    async fn version(&mut self, name: &str, data: Value) -> Value {
        let seen = self.post(&format!("data/{name}"), json!({ "data": data })).await;
        assert_eq!(seen.status, 200, "{}", seen.error);
        seen.data
    }
}

fn seen(answer: Answer) -> Seen {
    let (default, data) = match answer.body {
        Body::Empty if answer.warnings.is_empty() => (204, Value::Null),
        Body::Empty | Body::Null => (200, Value::Null),
        Body::Data(data) => (200, Value::Object(data)),
        Body::Raw { bytes, .. } => {
            assert!(bytes.is_empty(), "kv answers nothing raw but the empty body");
            (200, Value::Null)
        }
        Body::Mirrored(_) | Body::Bare(_) | Body::Stream { .. } => panic!("kv answers in the usual envelope"),
    };
    Seen {
        status: answer.status.unwrap_or(default),
        data,
        warnings: answer.warnings,
        lease_seconds: answer.lease_seconds.unwrap_or(0),
        error: String::new(),
    }
}

/// The plugin with one path more, which counts the stored records.
struct Peek {
    kv: Kv,
    v1: Backend,
    v2: Backend,
}

#[derive(Input)]
struct Nothing {}

impl Peek {
    fn new() -> Self {
        let peek = || {
            Path::new("~stored").view(Verb::Read, |_: &Ctx, _: Nothing, view: &View| {
                let count = |kind| Ok::<_, sdk::Access>(view.range(&Key::kind(kind), None, 1_000)?.len());
                Ok(Answer::json(json!({
                    "value": count("value")?, "secret": count("secret")?, "version": count("version")?,
                })))
            })
        };
        let (mut v1, mut v2) = (crate::version_1(), crate::version_2());
        v1.paths.insert(0, peek().into());
        v2.paths.insert(0, peek().into());
        Self { kv: Kv::new(), v1, v2 }
    }
}

impl Plugin for Peek {
    fn kind(&self) -> PluginKind {
        self.kv.kind()
    }
    fn types(&self) -> &'static [&'static str] {
        self.kv.types()
    }
    fn options(&self, type_name: &str, options: BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
        self.kv.options(type_name, options)
    }
    fn backend(&self, mount: &MountInfo) -> &Backend {
        if mount.options.get("version").is_some_and(|v| v == "2") { &self.v2 } else { &self.v1 }
    }
}
