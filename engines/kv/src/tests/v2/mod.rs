//! Version 2.

mod config;
mod data;
mod delete;
mod destroy;
mod detailed_metadata;
mod elsewhere;
mod expiry;
mod metadata;
mod r#move;
mod patch;
mod retention;
mod subkeys;
mod undelete;
mod upgrade;

use super::*;

const NOW: &str = "2023-11-14T22:13:20Z";

/// A version's metadata of these tests: made at the beginning, with nothing special.
fn fresh(number: u64) -> Value {
    json!({"created_time": NOW, "custom_metadata": null, "deletion_time": "", "destroyed": false, "version": number})
}
