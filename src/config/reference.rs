//! The reference of all keys, `docs/CONFIGURATION.md`, made from what the sections declare.

use std::fmt::Write;

use super::declared::{Effect, Key, Table, Takes};
use super::server;

const OPENING: &str = "# Configuration

Made from the program's own declarations by `scripts/fix`; a test compares the two. Do not edit it by hand.

`holdfast server -config=PATH` reads files in HCL or JSON, and of a folder those whose name ends in `.hcl` or `.json`, by
name. Several files are read as one: of a key that comes again the last value counts, blocks add up. Flags go before
variables of the environment, and those before the files. A wrong value stops the start with file, line and what would be
right. A key that nobody knows is a warning with the nearest known one; a key that other servers of this family have and
this one does nothing with is a warning with the reason.

On SIGHUP the files are read again. What then takes effect is marked *reloaded*; if anything else has changed, the log
names it, and it waits for the next start. Files that cannot be used are refused as a whole, and all stays as it was.

A number without a unit counts seconds where a duration is wanted. A list is `[\"a\", \"b\"]` or `\"a,b\"`.
";

/// The text of the file.
pub fn reference() -> String {
    let mut out = OPENING.to_owned();
    section(&mut out, "The top", &server::TABLE);
    out
}

fn section(out: &mut String, title: &str, table: &'static Table) {
    line(out, format_args!("\n## {title}\n\n{}", table.about));
    let read: Vec<&Key> = table.all().filter(|key| key.is_read() && !key.is_block()).collect();
    if !read.is_empty() {
        line(out, format_args!("\n| key | takes | default | |\n|---|---|---|---|"));
    }
    for key in read {
        let default = if key.default.is_empty() { String::new() } else { format!("`{}`", key.default) };
        line(out, format_args!("| `{}` | {} | {default} | {} |", key.name, takes(&key.takes), help(key)));
    }
    for (names, reason) in without_effect(table) {
        line(out, format_args!("\nIgnored, {reason}: {names}."));
    }
    for key in table.all().filter(|key| key.effect == Effect::Refused) {
        line(out, format_args!("\nRefused: `{}`; {}.", key.name, key.help));
    }
    for key in table.all() {
        let Takes::Blocks { kinds, .. } = &key.takes else { continue };
        for kind in *kinds {
            let label = if kind.label.is_empty() { String::new() } else { format!(" \"{}\"", kind.label) };
            let within = if table.label.is_empty() { String::new() } else { format!(" in `{}`", table.label) };
            section(out, &format!("`{}{label}`{within}", key.name), kind);
        }
    }
}

/// Keys that are ignored for one and the same reason stand together, in the order of the first of them.
fn without_effect(table: &'static Table) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for key in table.all() {
        let Effect::Ignored(why) = key.effect else { continue };
        let (name, reason) = (format!("`{}`", key.name), format!("{} ({})", why.words(), key.help));
        match found.iter_mut().find(|(_, known)| *known == reason) {
            Some((names, _)) => *names = format!("{names}, {name}"),
            None => found.push((name, reason)),
        }
    }
    found
}

fn help(key: &Key) -> String {
    let mut text = key.help.to_owned();
    if !key.before.is_empty() {
        text.push_str(&format!(" Also: {}.", key.before));
    }
    if key.effect == Effect::Reload {
        text.push_str(" *Reloaded.*");
    }
    text
}

fn takes(takes: &Takes) -> &'static str {
    match takes {
        Takes::Text => "text",
        Takes::Word => "word",
        Takes::Path => "path",
        Takes::Address => "address",
        Takes::Flag => "true or false",
        Takes::Number => "number",
        Takes::Bytes => "bytes",
        Takes::Duration => "duration",
        Takes::List => "list",
        Takes::Map => "block of names",
        Takes::Blocks { .. } => "block",
        Takes::Anything => "anything",
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("invariant: writing to a text does not fail");
}
