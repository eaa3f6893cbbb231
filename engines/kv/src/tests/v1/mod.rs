//! Version 1.

mod value;
