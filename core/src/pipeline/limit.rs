//! Rate limits: before anything is known of who asks, and once for each request, on the node that it came to.

use std::collections::BTreeMap;

use sdk::Failure;
use storage::View;
use tokio::time::Instant;

use super::authorize::{context, space_of};
use super::{Located, Run};
use crate::lifecycle::Node;

pub(super) enum Limited {
    /// With what the client is told of what is left.
    Passed(BTreeMap<String, String>),
    Refused {
        failure: Failure,
        headers: BTreeMap<String, String>,
        audited: bool,
    },
}

pub(super) fn limit(node: &Node, view: &View, run: &Run<'_>, located: Option<&Located>) -> Limited {
    let request = run.request;
    let role = || {
        let located = located?;
        let matched = located.matched.as_ref()?;
        let params = matched.params(request.body.clone());
        let records = view.elsewhere(space_of(located, None));
        // Whose role cannot be told is refused by the login itself.
        matched.role(&context(run, located, None), &params, &records).ok().flatten()
    };
    let taken = node.quotas.take(&request.path, request.remote.map(|remote| remote.ip()), role, Instant::now());
    if taken.allowed {
        return Limited::Passed(taken.headers);
    }
    let failure = Failure::TooMany(format!("request path {:?}: rate limit quota exceeded", request.path));
    Limited::Refused { failure, headers: taken.headers, audited: taken.audited }
}
