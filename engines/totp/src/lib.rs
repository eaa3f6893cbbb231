#![doc = include_str!("../README.md")]

mod code;
mod name;
mod otpauth;
mod paths;
mod plugin;
mod qr;
mod records;
mod secret;
#[cfg(test)]
mod tests;

pub use plugin::Totp;
