//! JSON written straight into the line, secrets hashed on the way. There is no tree of values in between.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::OnceLock;

use sdk::{Map, Value};
use serde::Serialize;

use super::hash::{Hashed, Hasher};

/// How a device wants its entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Style {
    /// Secrets as they are.
    pub raw: bool,
    pub hmac_accessor: bool,
    /// The number of a listing's keys instead of the keys.
    pub elide_lists: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self { raw: false, hmac_accessor: true, elide_lists: false }
    }
}

pub struct Line<'a> {
    out: Vec<u8>,
    hasher: &'a Hasher<'a>,
    pub style: Style,
}

/// Keys are constants of this crate that need no escaping. What is empty is left out, as Vault does.
impl<'a> Line<'a> {
    pub fn new(hasher: &'a Hasher<'a>, style: Style) -> Self {
        let mut out = Vec::with_capacity(1536);
        out.push(b'{');
        Self { out, hasher, style }
    }

    pub fn finish(mut self) -> Vec<u8> {
        self.out.extend_from_slice(b"}\n");
        self.out
    }

    pub fn open(&mut self, key: &str) {
        self.key(key);
        self.out.push(b'{');
    }

    pub fn close(&mut self) {
        self.out.push(b'}');
    }

    fn comma(&mut self) {
        if !matches!(self.out.last(), Some(b'{' | b'[')) {
            self.out.push(b',');
        }
    }

    fn key(&mut self, key: &str) {
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn json(&mut self, value: &(impl Serialize + ?Sized)) {
        serde_json::to_writer(&mut self.out, value).expect("invariant: JSON goes into memory, and has text keys only");
    }

    pub fn text(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            self.key(key);
            self.json(text);
        }
    }

    pub fn number(&mut self, key: &str, number: i64) {
        if number != 0 {
            self.key(key);
            self.json(&number);
        }
    }

    pub fn truth(&mut self, key: &str, truth: bool) {
        self.key(key);
        self.out.extend_from_slice(if truth { b"true" } else { b"false" });
    }

    pub fn plain(&mut self, key: &str, value: &(impl Serialize + ?Sized)) {
        self.key(key);
        self.json(value);
    }

    pub fn list(&mut self, key: &str, texts: &[String]) {
        if !texts.is_empty() {
            self.plain(key, texts);
        }
    }

    /// A list of objects.
    pub fn objects<T>(&mut self, key: &str, items: impl IntoIterator<Item = T>, mut each: impl FnMut(&mut Self, T)) {
        self.key(key);
        self.out.push(b'[');
        for item in items {
            self.comma();
            self.out.push(b'{');
            each(self, item);
            self.out.push(b'}');
        }
        self.out.push(b']');
    }

    pub fn secret(&mut self, key: &str, secret: &str) {
        if !secret.is_empty() {
            self.key(key);
            self.secret_value(secret);
        }
    }

    /// Texts by names of the writer's choice.
    pub fn secrets(&mut self, key: &str, texts: &BTreeMap<String, String>) {
        self.open(key);
        for (name, text) in texts {
            self.comma();
            self.json(name);
            self.out.push(b':');
            self.secret_value(text);
        }
        self.close();
    }

    /// A header's values; its name comes from the store.
    pub fn header(&mut self, name: &str, values: &[String], hashed: bool) {
        self.comma();
        self.json(name);
        self.out.extend_from_slice(b":[");
        for (i, value) in values.iter().enumerate() {
            if i > 0 {
                self.out.push(b',');
            }
            if hashed { self.secret_value(value) } else { self.json(value) }
        }
        self.out.push(b']');
    }

    pub fn accessor(&mut self, key: &str, accessor: &str) {
        if self.style.hmac_accessor { self.secret(key, accessor) } else { self.text(key, accessor) }
    }

    /// As [`secret`](Self::secret), hashed at most once for all entries of a request.
    pub fn shared(&mut self, key: &str, secret: &str, hashed: bool, kept: &OnceLock<Hashed>) {
        if self.style.raw || !hashed || secret.is_empty() {
            return self.text(key, secret);
        }
        self.key(key);
        self.out.push(b'"');
        self.hasher.append_shared(&mut self.out, kept, secret.as_bytes());
        self.out.push(b'"');
    }

    fn secret_value(&mut self, secret: &str) {
        if self.style.raw {
            return self.json(secret);
        }
        self.out.push(b'"');
        self.hasher.append(&mut self.out, secret.as_bytes());
        self.out.push(b'"');
    }

    /// Every text in it hashed, but those below a key that is named in `plain`. Keys, numbers and truths stay.
    pub fn data(&mut self, key: &str, data: &Map<String, Value>, plain: &[String]) {
        if !data.is_empty() {
            self.key(key);
            self.object(data, plain);
        }
    }

    /// A listing's data, with counts where the names were.
    pub fn counted(&mut self, key: &str, data: &Map<String, Value>, plain: &[String]) {
        if data.is_empty() {
            return;
        }
        self.open(key);
        for (name, value) in data {
            self.comma();
            self.json(name);
            self.out.push(b':');
            match (name.as_str(), value) {
                ("keys", Value::Array(items)) => self.json(&items.len()),
                ("key_info", Value::Object(items)) => self.json(&items.len()),
                _ => self.value(value, plain.contains(name), plain),
            }
        }
        self.close();
    }

    fn object(&mut self, map: &Map<String, Value>, plain: &[String]) {
        self.out.push(b'{');
        for (name, value) in map {
            self.comma();
            self.json(name);
            self.out.push(b':');
            self.value(value, plain.contains(name), plain);
        }
        self.out.push(b'}');
    }

    fn value(&mut self, value: &Value, is_plain: bool, plain: &[String]) {
        match value {
            Value::String(text) if is_plain => self.json(text),
            Value::String(text) => self.secret_value(text),
            Value::Number(number) => write!(self.out, "{number}").expect("invariant: memory takes what is written"),
            Value::Array(items) => {
                self.out.push(b'[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        self.out.push(b',');
                    }
                    self.value(item, is_plain, plain);
                }
                self.out.push(b']');
            }
            Value::Object(map) => self.object(map, plain),
            Value::Null | Value::Bool(_) => self.json(value),
        }
    }
}
