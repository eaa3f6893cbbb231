#![doc = include_str!("../README.md")]

mod barrier;
mod envelope;
mod join;
mod keyring;
mod lend;
mod restore;
mod root;
mod seal;
mod shamir;
mod succession;
mod tenant_service;
mod tenants;
mod unsealed;
mod welcome;

pub use barrier::{Barrier, InstallError, SealedKeyring, WrapError};
pub use join::{
    Answer, JoinError, JoinKey, Proof, answer, challenge, keep_join_key, prove_members, prove_members_by,
    verify_answer, verify_answer_by, verify_members,
};
pub use keyring::{Keyring, KeyringError, TERMS_MAX, TermInfo};
pub use lend::{Between, Borrower, LendError};
pub use restore::JoinKeyOf;
pub use root::{RootKey, RootKeyId};
pub use seal::{
    JoinWrap, Seal, SealConfig, SealConfigError, SealFailure, SealKind, StaticSeal, UnsealKey, UnwrapError, Wrap,
    WrappedRoot, bind, unbind, unwrap_fitting_root, unwrap_root, wrap_root,
};
pub use shamir::{CombineError, Share, combine, split};
pub use succession::{Offered, Reopened};
pub use tenant_service::TenantWrap;
pub use tenants::{TenantError, TenantKeys};
pub use welcome::Welcome;
