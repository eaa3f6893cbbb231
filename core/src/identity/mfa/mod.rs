//! The second factor of a login: methods, who has to use which, and the codes that were used. Of one namespace, as all of
//! identity.
//!
//! ```text
//! identity / mfa / method / id                    a method
//! identity / mfa / method-name / name             method id
//! identity / mfa / enforcement / name             who has to use which methods
//! identity / mfa / bound / selector / value       the names of the enforcements that bind whom this selects
//! identity / mfa / using / method                 the names of the enforcements that ask for a method
//! identity / mfa / key / method / entity          what an entity makes its codes with
//! identity / mfa / enrolled / entity / method     which of these an entity has
//! identity / mfa / codes / method / entity        the codes that were used and could still be right, refusals
//! identity / mfa / guesses / entity               wrong attempts, by whichever method
//! identity / mfa / login / id                     a login that waits for its second factor
//! identity / mfa / waiting / entity               the ids of those of one entity
//! ```
//!
//! What binds a login is found by point lookups, each of which its batch relies on: an enforcement that is written meanwhile
//! makes it look again.

mod check;
mod codes;
mod enforcement;
mod factor;
mod guesses;
mod key;
mod method;
mod outside;
mod waiting;

pub(crate) use check::check_answerable;
pub use check::{Trial, Verdict, satisfy};
pub use enforcement::{
    Enforcement, EnforcementChange, Goes, applying, delete_enforcement, enforcement, enforcement_names, unbind,
    write_enforcement,
};
pub use factor::Factors;
pub use key::{Enrolled, enrol, withdraw};
pub(super) use key::{forget_keys, keys_of_both, move_keys};
pub use method::{Duo, Kind, Method, Okta, PingId, Settings, Totp, delete_method, method, methods, write_method};
pub use outside::{Answered, Asks, NotLetIn, Question};
pub(crate) use outside::{Asking, AsksNobody};
pub(crate) use waiting::{Waiting, done, expire, wait, waiting};

use storage::PathKey;

fn folder(kind: &str) -> PathKey {
    super::folder("mfa").plain(kind)
}
