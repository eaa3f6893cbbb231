//! One file a path.

pub mod code;
pub mod key;
pub mod keys;
