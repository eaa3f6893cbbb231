#![doc = include_str!("../README.md")]

mod name;
mod paths;
mod plugin;
mod records;
#[cfg(test)]
mod tests;

pub use plugin::Totp;
