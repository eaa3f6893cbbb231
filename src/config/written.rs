//! What the files say, key by key, to tell two readings apart. Values are kept as digests: some are secrets.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use hcl::{Body, Kind, Value};

use super::declared::{Effect, Table, Takes};
use super::server;
use super::source::Document;

/// Every declared key that is written somewhere, by its whole name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written(BTreeMap<String, Place>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    reloadable: bool,
    digest: u64,
}

impl Written {
    pub(super) fn of(documents: &[Document]) -> Written {
        let mut written = Written::default();
        let mut seen = BTreeMap::new();
        for document in documents {
            written.collect("", &server::TABLE, &document.body, &mut seen);
        }
        written
    }

    /// The keys that say something else in `new` and are read when the server starts, only.
    pub fn waiting(&self, new: &Written) -> Vec<String> {
        let either = self.0.keys().chain(new.0.keys().filter(|name| !self.0.contains_key(*name)));
        let differs = |name: &&String| {
            let (old, new) = (self.0.get(*name), new.0.get(*name));
            old != new && !old.or(new).is_some_and(|place| place.reloadable)
        };
        either.filter(differs).cloned().collect()
    }

    /// `seen` counts the blocks of each name, so that several of them have names of their own.
    fn collect(&mut self, within: &str, table: &'static Table, body: &Body, seen: &mut BTreeMap<String, usize>) {
        for item in &body.items {
            let Some(key) = table.get(&item.keys[0].text) else { continue };
            match &key.takes {
                Takes::Blocks { .. } => {}
                _ if !key.is_read() => {}
                _ => {
                    let reloadable = key.effect == Effect::Reload;
                    let place = Place { reloadable, digest: digest(&item.value) };
                    self.0.insert(format!("{within}{}", key.name), place);
                }
            }
        }
        for key in table.all() {
            let Takes::Blocks { labels, kinds } = &key.takes else { continue };
            for block in body.blocks(key.name, *labels).unwrap_or_default() {
                let label = block.labels.first().map_or("", |label| label.text.as_str());
                let kind = kinds.iter().find(|kind| kind.label == label).unwrap_or(&kinds[0]);
                let quoted: String = block.labels.iter().map(|label| format!(" \"{}\"", label.text)).collect();
                let name = format!("{within}{}{quoted}", key.name);
                let number = seen.entry(name.clone()).and_modify(|number| *number += 1).or_insert(1);
                let name = if *number > 1 { format!("{name} ({number})") } else { name };
                self.0.insert(name.clone(), Place { reloadable: false, digest: 0 });
                self.collect(&format!("{name} "), kind, block.body, seen);
            }
        }
    }
}

/// Positions in the file do not count.
fn digest(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    feed(value, &mut hasher);
    hasher.finish()
}

fn feed(value: &Value, into: &mut DefaultHasher) {
    match &value.kind {
        Kind::Null => 0_u8.hash(into),
        Kind::String(text) => text.hash(into),
        Kind::Integer(number) => number.hash(into),
        Kind::Float(number) => number.to_bits().hash(into),
        Kind::Bool(truth) => truth.hash(into),
        Kind::List(values) => {
            values.len().hash(into);
            values.iter().for_each(|value| feed(value, into));
        }
        Kind::Object(body) => {
            body.items.len().hash(into);
            for item in &body.items {
                item.keys.iter().for_each(|key| key.text.hash(into));
                feed(&item.value, into);
            }
        }
    }
}
