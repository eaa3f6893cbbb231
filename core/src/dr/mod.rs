//! DR replication: this cluster as the primary of another one, or as its copy.

mod link;

pub use link::{
    Adopted, Change, CopyState, Difference, DrError, Enrolled, Enrolment, Link, NoLink, PrimaryProgress, Secondary,
    SecondaryLag, SecondaryProgress, Standing,
};
