//! DR replication: this cluster as the primary of another one, or as its copy.
//!
//! ```text
//!   primary: secondary-token ── activation token, by hand ──▶ secondary: enable
//!      Change::Invite                                           Link::enroll: shows the secret, asks a question
//!      Node::welcome ◀───────────── over the cluster ports ──────────┘
//!        root key, join key, wrap by the shares, sealed to the question
//!                                                               wraps of its own around the root key
//!                                                               Change::Follow: records and keys change in one step
//! ```
//!
//! The store copies ciphertext and does the switch ([`Link`]). Here is what makes the ciphertext readable, who may say what
//! becomes of a copy ([`operation_token`](OperationToken)), and what a copy serves meanwhile ([`gate`]).

mod activation;
pub(crate) mod gate;
mod link;
mod operation_token;
mod primary;
mod secondary;
mod standing;
#[cfg(test)]
mod tests;

pub use activation::{Activation, ActivationError};
pub use link::{
    Adopted, Change, CopyState, Difference, DrError, Enrolled, Enrolment, FullHash, Link, NoLink, PrimaryProgress,
    Secondary, SecondaryLag, SecondaryProgress, Standing,
};
pub use operation_token::{OperationToken, OperationTokenProgress};
pub use primary::{Invitation, TTL_DEFAULT};
pub use secondary::Following;
