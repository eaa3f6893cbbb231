//! Who asks: the token of a request, if it counts.

use std::ops::Deref;
use std::sync::Arc;

use sdk::Failure;
use storage::View;

use super::authorize::Refused;
use super::{NAMESPACE_SEALED, RelyOn, Run};
use crate::identity::Rights;
use crate::lifecycle::Node;
use crate::token::{Valid, Why};

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

/// Why there is no caller. It is never told to who asks.
pub(super) struct Nobody(pub String);

pub(super) fn caller(
    node: &Node,
    view: &View,
    run: &Run<'_>,
    rely_on: &mut RelyOn,
) -> Result<Result<Asker, Nobody>, Refused> {
    let nobody = |why: &str| Ok(Err(Nobody(why.into())));
    let Some(token) = &run.request.token else { return nobody("the request brought no token") };
    match node.tokens.authenticate(view, token, run.now) {
        // Bound elsewhere: here it is like none.
        Ok(valid) if !sdk::within(&valid.record.bound_cidrs, run.request.remote.map(|r| r.ip())) => {
            nobody("the token is bound to other addresses than the caller's")
        }
        Ok(mut token) => {
            let rights =
                node.policies.rights(view, &token.record.home.id, &token.record.entity_id).map_err(Failure::from)?;
            if let Some(why) = rights.unfit() {
                return nobody(why);
            }
            rely_on.append(&mut token.relied_on);
            rely_on.extend(rights.relied_on.iter().cloned());
            Ok(Ok(Asker { token, rights }))
        }
        Err(Why::Access(access)) => Err(Failure::from(access).into()),
        Err(Why::SealedHome) => Err(Failure::Unavailable(NAMESPACE_SEALED.into()).into()),
        // A token that does not count is like none: paths that need none still answer.
        Err(why @ (Why::Unknown | Why::Expired | Why::Spent | Why::Orphaned)) => nobody(&why.to_string()),
    }
}
