//! Version 1.

pub mod value;
