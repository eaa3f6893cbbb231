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
    if !node.quotas.limit_any() {
        return Limited::Passed(BTreeMap::new());
    }
    let role = || {
        let located = located?;
        let matched = located.matched.as_ref()?;
        let params = matched.params(request.body.clone());
        let records = view.elsewhere(space_of(located, None));
        // Whose role cannot be told is refused by the login itself.
        matched.role(&context(run, located, None), &params, &records).ok().flatten()
    };
    let (from, now) = (request.remote.map(|remote| remote.ip()), Instant::now());
    let from_root = |path: &str| format!("{}{path}", run.namespace.path);
    let mut path = from_root(run.path);
    let mut taken = node.quotas.take(&path, &run.namespace.path, from, role, now);
    // A batch counts for each of its operations as well, where that operation's path has a limit.
    let steps = located.and_then(|located| located.steps(request)).and_then(Result::ok).unwrap_or_default();
    for step in &steps {
        if !taken.allowed {
            break;
        }
        let step = from_root(&step.path);
        let of_step = node.quotas.take(&step, &run.namespace.path, from, || None, now);
        if !of_step.allowed || !of_step.headers.is_empty() {
            (taken, path) = (of_step, step);
        }
    }
    if taken.allowed {
        return Limited::Passed(taken.headers);
    }
    let failure = Failure::TooMany(format!("request path {path:?}: rate limit quota exceeded"));
    Limited::Refused { failure, headers: taken.headers, audited: taken.audited }
}
