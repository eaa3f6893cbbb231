//! One file a path.

pub mod login;
pub mod password;
pub mod policies;
pub mod user;
pub mod users;
