#![doc = include_str!("../README.md")]

mod digest;
mod random;

pub use digest::{Sha256, sha256};
pub use random::{fill_random, random, rng};
