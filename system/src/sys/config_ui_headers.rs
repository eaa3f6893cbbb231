//! `sys/config/ui/headers`, `…/:header`: headers of the pages of a user interface. They are kept for whatever serves one;
//! this server has none.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use sdk::{Answer, Ctx, Failure, Input, Key, Outcome, Path, Read, Reply, Result, StringList, Txn, Verb, View};
use serde::Serialize;

use crate::measures::Measures;

#[derive(Input)]
struct Nothing {}

#[derive(Input)]
struct Ask {
    /// The header's name.
    header: String,
    /// Shows all of its values.
    multivalue: bool,
}

#[derive(Input)]
struct Set {
    /// The header's name.
    header: String,
    /// Its values.
    values: StringList,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    /// The first of its values.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    /// All of them, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<Vec<String>>,
}

/// By name as it was written; looked up in whatever case.
type Headers = BTreeMap<String, Vec<String>>;

fn key() -> Key {
    Key::kind("ui-headers")
}

fn named<'h>(headers: &'h Headers, name: &str) -> Option<&'h String> {
    headers.keys().find(|known| known.eq_ignore_ascii_case(name))
}

/// A configured header, the way it is written on the wire: `x-mine` is `X-Mine`.
fn canonical(name: &str) -> String {
    let upper = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        format!("{}{}", first.to_ascii_uppercase(), rest.to_ascii_lowercase())
    };
    name.split('-').map(upper).collect::<Vec<_>>().join("-")
}

pub fn list() -> Path {
    Path::new("config/ui/headers/?")
        .help("Lists the headers that are set for a user interface.", "By name.")
        .sudo()
        .ids([(Verb::List, "ui-headers-list")])
        .view(Verb::List, |_: &Ctx, Nothing {}: Nothing, view: &View| {
            let headers: Headers = view.get(&key())?.unwrap_or_default();
            Answer::keys(headers.into_keys().collect())
        })
}

pub fn one(measures: &Arc<dyn Measures>) -> Path {
    let measures = Arc::clone(measures);
    Path::new("config/ui/headers/:header")
        .help(
            "Sets a header of the pages of a user interface.",
            "What the configuration sets on answers cannot be set here, nor what begins with X-Vault-.",
        )
        .sudo()
        .ids([
            (Verb::Read, "ui-headers-read-configuration"),
            (Verb::Write, "ui-headers-configure"),
            (Verb::Delete, "ui-headers-delete-configuration"),
        ])
        .answers(Verb::Write, Outcome::EMPTY.status(200))
        .view(Verb::Read, |_: &Ctx, ask: Ask, view: &View| {
            let headers: Headers = view.get(&key())?.unwrap_or_default();
            let found = named(&headers, &ask.header).and_then(|name| headers.get(name));
            let values = found.cloned().ok_or(Failure::NotFound)?;
            Reply::data(match ask.multivalue {
                true => Shown { value: None, values: Some(values) },
                false => Shown { value: values.into_iter().next(), values: None },
            })
        })
        .txn(Verb::Write, move |_: &Ctx, set: Set, txn: &mut Txn| write(measures.as_ref(), set, txn))
        .txn(Verb::Delete, |_: &Ctx, ask: Ask, txn: &mut Txn| {
            let mut headers: Headers = txn.get_for_update(&key())?.unwrap_or_default();
            if let Some(name) = named(&headers, &ask.header).cloned() {
                headers.remove(&name);
                txn.put(&key(), &headers)?;
            }
            Ok(Answer::empty())
        })
}

/// The most headers, and the longest value, in bytes: they would be on every page.
const HEADERS_MAX: usize = 100;
const VALUE_MAX: usize = 8 * 1024;

fn write(measures: &dyn Measures, set: Set, txn: &mut Txn) -> Result<Answer> {
    let Set { header, values: StringList(values) } = set;
    if values.is_empty() {
        return Err(Failure::invalid("header and values must be specified"));
    }
    let word = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if !header.chars().all(word) {
        return Err(Failure::invalid("a header's name has letters, digits and dashes"));
    }
    if values.iter().any(|value| value.len() > VALUE_MAX || value.chars().any(|c| c.is_control())) {
        return Err(Failure::Invalid(format!("a value is one line of at most {VALUE_MAX} bytes")));
    }
    let lower = header.to_ascii_lowercase();
    if lower.starts_with("x-vault-") {
        return Err(Failure::invalid("X-Vault headers cannot be set"));
    }
    if measures.sets_header(&header) {
        return Err(Failure::invalid(
            "This header already exists in the server configuration and cannot be set in the UI.",
        ));
    }
    let mut headers: Headers = txn.get_for_update(&key())?.unwrap_or_default();
    headers.insert(canonical(&header), values);
    if headers.len() > HEADERS_MAX {
        return Err(Failure::Invalid(format!("at most {HEADERS_MAX} headers can be set")));
    }
    txn.put(&key(), &headers)?;
    let answer = Answer::empty().status(200);
    Ok(match lower.as_str() {
        "content-security-policy" => {
            answer.warn("overriding default Content-Security-Policy which is secure by default, proceed with caution")
        }
        _ => answer,
    })
}
