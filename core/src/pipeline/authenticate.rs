//! Who asks: the token of a request, if it counts.

use storage::View;

use super::authorize::Refused;
use super::{RelyOn, Run};
use crate::lifecycle::Node;
use crate::token::{Valid, Why};

/// `None`: the request brought no token.
pub(super) fn caller(node: &Node, view: &View, run: &Run<'_>, rely_on: &mut RelyOn) -> Result<Option<Valid>, Refused> {
    let Some(token) = &run.request.token else { return Ok(None) };
    match node.tokens.authenticate(view, token, run.now) {
        // Bound elsewhere: here it is like none.
        Ok(valid) if !sdk::within(&valid.record.bound_cidrs, run.request.remote.map(|r| r.ip())) => Ok(None),
        Ok(mut valid) => {
            rely_on.append(&mut valid.relied_on);
            Ok(Some(valid))
        }
        Err(Why::Access(access)) => Err(Refused::broken(access.into())),
        // A token that does not count is like none: paths that need none still answer.
        Err(Why::Unknown | Why::Expired | Why::Spent | Why::Orphaned) => Ok(None),
    }
}
