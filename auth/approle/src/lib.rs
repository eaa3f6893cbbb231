#![doc = include_str!("../README.md")]

mod expiry;
mod metadata;
mod name;
mod networks;
mod paths;
mod plugin;
mod registration;
mod role;
mod role_fields;
mod secret_id;
#[cfg(test)]
mod tests;

pub use plugin::Approle;
