//! Where lines go, one kind a file.

pub mod file;
pub mod http;
pub mod socket;
pub mod stdout;
pub mod syslog;
