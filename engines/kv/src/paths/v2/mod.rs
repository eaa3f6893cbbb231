//! Version 2.

pub mod config;
pub mod data;
pub mod delete;
pub mod destroy;
pub mod detailed_metadata;
pub mod elsewhere;
pub mod metadata;
pub mod r#move;
pub mod subkeys;
pub mod undelete;
