//! One file per path: what it takes, what it does, its help. The file's place is the path's.

pub mod v1;
pub mod v2;
