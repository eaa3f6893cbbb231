//! Mounts: one record each, found by point lookup. No node reads a table of them when it becomes active.

mod moves;
mod nested;
mod record;
mod table;

pub use moves::Move;
pub use record::{Mount, MountConfig, Table, UserLockout, is_builtin};
pub(crate) use table::origin_key;
pub use table::{MountError, Mounts, TtlLimits};
