//! The life of a request: from a canonical path and a token to a committed batch and an answer.
//!
//! Modules, lower ones first; each uses only those above it in this list:
//! `letters` < `space` (where records are) < `cache` < `replication` (what core needs of the cluster) < `mount` <
//! `due` < `identity` (entities and groups) < `policies` < `namespace` < `passwords` < `quota` < `denials` (who was refused, and why) < `token` < `lockout` < `in_flight` < `lanes` (how many run at once, who waits) < `work` (what takes long) <
//! `audit` and `lifecycle` (init, unseal, seal, join) with `backup` < `change` < `versions` < `wrap` <
//! `listing` (who makes those of large folders) < `pipeline` <
//! `service` (which node runs a request), `worker` (what is due), `chores` (what mounts do by themselves) and `lease_count`.
//!
//! Core knows plugins only as [`sdk::Plugin`] and the replicated store only as [`replication::Replication`].

pub mod audit;
pub mod autopilot;
pub mod backup;
mod cache;
pub mod catalog;
pub mod change;
pub mod chores;
pub mod consistency;
pub mod cors;
pub mod denials;
pub mod dr;
pub mod due;
pub mod identity;
pub mod in_flight;
pub mod lanes;
pub mod lease_count;
mod letters;
pub mod lifecycle;
mod listing;
pub mod lockout;
pub mod mount;
pub mod namespace;
pub mod passwords;
pub mod pipeline;
pub mod policies;
pub mod quota;
pub mod replication;
pub mod request;
pub mod response;
pub mod service;
pub mod space;
pub mod stack;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod token;
pub mod trace;
#[cfg(feature = "faults")]
pub mod under_test;
pub mod versions;
mod work;
pub mod worker;
pub mod wrap;
