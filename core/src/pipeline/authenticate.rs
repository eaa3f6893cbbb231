//! Who asks: the token of a request, if it counts.

use std::ops::Deref;
use std::sync::Arc;

use sdk::Failure;
use storage::{Access, View};

use super::authorize::Refused;
use super::{RelyOn, Run};
use crate::identity::Rights;
use crate::lifecycle::Node;
use crate::token::{Valid, Why};
use crate::wrap;

/// A token that counts, and what its entity adds to it.
pub(super) struct Asker {
    pub token: Valid,
    pub rights: Arc<Rights>,
}

impl Deref for Asker {
    type Target = Valid;
    fn deref(&self) -> &Valid {
        &self.token
    }
}

/// Why there is no caller.
pub(super) struct Nobody {
    /// It is never told to who asks.
    pub why: String,
    /// What is told where a caller is needed, if not what is told of any token that does not count.
    pub failure: Option<Failure>,
}

impl From<String> for Nobody {
    fn from(why: String) -> Self {
        Self { why, failure: None }
    }
}

pub(super) fn caller(
    node: &Node,
    view: &View,
    run: &Run<'_>,
    rely_on: &mut RelyOn,
) -> Result<Result<Asker, Nobody>, Refused> {
    let nobody = |why: &str| Ok(Err(Nobody::from(why.to_owned())));
    let Some(token) = &run.request.token else { return nobody("the request brought no token") };
    match node.tokens.authenticate(view, token, run.now) {
        // Bound elsewhere: here it is like none.
        Ok(valid) if !sdk::within(&valid.record.bound_cidrs, run.request.remote.map(|r| r.ip())) => {
            nobody("the token is bound to other addresses than the caller's")
        }
        Ok(mut token) => {
            if let Some(closed) = wrap::closed(node, view, &token).map_err(Failure::from)? {
                let why = "nothing is served of the namespace that the wrapping token belongs to".to_owned();
                return Ok(Err(Nobody { why, failure: Some(closed) }));
            }
            let rights =
                node.policies.rights(view, &token.record.home.id, &token.record.entity_id).map_err(Failure::from)?;
            if let Some(why) = rights.unfit() {
                return nobody(why);
            }
            rely_on.append(&mut token.relied_on);
            rely_on.extend(rights.relied_on.iter().cloned());
            Ok(Ok(Asker { token, rights }))
        }
        // A token that does not count is like none: paths that need none still answer.
        Err(Why::Access(sealed @ Access::NamespaceSealed(_))) => {
            let why = "the namespace that the token belongs to is sealed".to_owned();
            Ok(Err(Nobody { why, failure: Some(sealed.into()) }))
        }
        Err(Why::Access(access)) => Err(Failure::from(access).into()),
        Err(why @ (Why::Unknown | Why::Expired | Why::Spent | Why::Orphaned)) => nobody(&why.to_string()),
    }
}
