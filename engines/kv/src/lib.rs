#![doc = include_str!("../README.md")]

mod cas;
mod custom_metadata;
mod data;
mod listing;
mod merge;
mod name;
mod paths;
mod plugin;
mod records;
mod secret;
mod settings;
mod shape;
#[cfg(test)]
mod tests;
mod version_numbers;

pub use plugin::Kv;

use paths::{v1, v2};
use sdk::Backend;

fn version_1() -> Backend {
    Backend::new("Keeps values of any form under names.", vec![v1::value::path()])
}

fn version_2() -> Backend {
    Backend::new(
        "Keeps values under names, and the versions that each value had.",
        vec![
            v2::config::path(),
            v2::data::path(),
            v2::metadata::path(),
            v2::detailed_metadata::path(),
            v2::subkeys::path(),
            v2::delete::path(),
            v2::undelete::path(),
            v2::destroy::path(),
            v2::r#move::path(),
            // Fits everything, so it comes last.
            v2::elsewhere::path(),
        ],
    )
}
