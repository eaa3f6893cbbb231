#![doc = include_str!("../README.md")]

mod password;
mod paths;
mod plugin;
#[cfg(test)]
mod tests;
mod user;

pub use plugin::Userpass;
