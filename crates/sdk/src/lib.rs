//! Writing a plugin: an operation is declared once, as a path pattern, a verb, a typed input and a handler.
//!
//! From the declaration come routing, lenient parsing, the error for a bad field, help and the API description, which has
//! what an operation answers from the type that its handler returns ([`Output`]). A
//! handler gets a [`View`] and cannot write, or a [`Txn`] and is pure apart from it: it may be run again when another
//! request got in between, so it has no other effect. Handlers are plain functions: there is nothing in them to wait
//! for. What takes long without the store, as hashing a password, is [`Work`] before the transaction. What reaches
//! outside the store is an [`Act`](Handler::Act). A plugin has no state: what it may hold on to are decoded records, by the
//! revision they were read at ([`Kept`]).

extern crate self as sdk;

mod answer;
mod aside;
mod batch;
mod chore;
mod context;
mod custom_metadata;
mod declare;
mod draw;
pub mod duration;
mod failure;
mod field;
mod help;
mod input;
mod kept;
mod login;
mod merge_patch;
mod name;
mod namespace;
mod openapi;
mod output;
mod page;
mod password;
mod pattern;
mod pipe;
mod plugin;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod token_settings;
mod touches;

pub use answer::{Answer, AuthBlock, Body, WrapInfo};
pub use aside::aside;
pub use batch::{BatchAnswer, Step, StepAnswer};
pub use chore::{Chore, Finish};
pub use context::{Authorization, Caller, Ctx, MountInfo, moment, timestamp};
pub use crypto::{hmac_sha256, random};
pub use custom_metadata::custom_metadata_faults;
pub use declare::{
    Act, Backend, Handler, Matched, OnSecondary, Operation, Path, Prepared, Slow, Upsert, Verb, Waiting, Work,
};
pub use draw::{draws, encoded};
pub use failure::Failure;
pub use field::{CommaList, FromField, KvPairs, Seconds, SignedSeconds, StringList};
pub use help::Help;
pub use input::{FieldSpec, Input, Params};
pub use kept::{Forget, Kept};
pub use login::{Cidr, Login, Renewal, SecondFactor, TokenType, within};
pub use merge_patch::MERGE_PATCH;
pub use name::{LowerName, Name, folded, is_name};
pub use namespace::{Namespace, NamespaceId};
pub use openapi::{Document, Place};
pub use output::{Bare, Content, Given, Keys, Outcome, Output, Part, Reply};
pub use page::Page;
pub use password::PasswordPolicy;
pub use pattern::Pattern;
pub use pipe::{Closed, Pipe, PipeReader, PipeWriter, pipe};
pub use plugin::{Plugin, PluginKind};
pub use sdk_derive::Input;
pub use storage::{Access, Millis, PathKey as Key, Read, Seg, Txn, View};
pub use token_settings::{ShownToken, TokenFields, TokenSettings, cidr};
pub use touches::{Other, Right, Touches};

pub use serde_json::{Map, Value, json};

pub type Result<T, E = Failure> = std::result::Result<T, E>;
