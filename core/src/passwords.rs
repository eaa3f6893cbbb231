//! Password policies by name: their records, in a namespace's folder.

use sdk::{Page, PasswordPolicy};
use serde::{Deserialize, Serialize};
use storage::{Access, PathKey, Read, Txn};

#[derive(Serialize, Deserialize)]
struct Record {
    text: String,
}

fn folder() -> PathKey {
    PathKey::kind("password-policy")
}

fn key(name: &str) -> PathKey {
    folder().name(name)
}

/// The text of a policy, as it was written.
pub fn text(read: &impl Read, name: &str) -> Result<Option<String>, Access> {
    Ok(read.get::<Record>(&key(name))?.map(|record| record.text))
}

/// A policy, ready to generate passwords.
pub fn policy(read: &impl Read, name: &str) -> Result<Option<PasswordPolicy>, Access> {
    let broken = |problem| Access::Broken(format!("the stored password policy {name:?} does not parse: {problem}"));
    text(read, name)?.map(|text| PasswordPolicy::parse(&text).map_err(broken)).transpose()
}

/// Writes a policy that was parsed.
pub fn set(txn: &mut Txn, name: &str, text: &str) -> Result<(), Access> {
    txn.latch(&key(name))?;
    txn.put(&key(name), &Record { text: text.to_owned() })
}

pub fn delete(txn: &mut Txn, name: &str) {
    txn.delete(&key(name));
}

pub fn list(read: &impl Read, page: &Page) -> sdk::Result<Vec<String>> {
    page.of(read, &folder())
}
