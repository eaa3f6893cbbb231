#![doc = include_str!("../README.md")]

mod answers;
mod batch;
mod certificate;
mod encryption;
mod form;
mod import;
mod keys;
mod kind;
mod material;
mod paths;
mod plugin;
mod record;
mod rotation;
mod show;
mod signing;
#[cfg(test)]
#[allow(clippy::unwrap_used)] // In a test an unwrap is an assertion.
mod tests;
pub mod wire;
mod wrapping;

pub use plugin::Transit;
