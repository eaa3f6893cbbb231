//! Rate limits: before anything is known of who asks, and once for each request, on the node that it came to.

use std::collections::BTreeMap;

use sdk::{Failure, NamespaceId};
use storage::View;
use tokio::time::Instant;

use super::authorize::{context, space_of};
use super::{Call, Located, Nowhere, Pipeline, RelyOn, Run, Stages, authorize, locate};
use crate::audit::Subject;
use crate::lifecycle::Node;
use crate::response::Response;
use crate::space;

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

impl Pipeline {
    /// Counts a request that goes on to the active node, which does not count it again. Answers what its client is told of
    /// what is left, or that it is refused.
    pub async fn count(&self, call: &Call<'_>) -> Result<BTreeMap<String, String>, Response> {
        let broken = |access: storage::Access| Response::failure(&access.into());
        let snapshot = self.node.store.snapshot().map_err(|error| broken(error.into()))?;
        self.node.audit.refresh(&snapshot).map_err(broken)?;
        self.node.quotas.refresh(&snapshot).map_err(broken)?;
        let view = View::new(snapshot, space::records(&NamespaceId::root()));
        let mut rely_on = RelyOn::new();
        let Ok(address) = locate::address(&self.node, &view, call.request, &mut rely_on) else {
            // What is nowhere, the active node says.
            let path = Nowhere::of(call.request);
            return self.limited(&path.run(call), &view, None).await;
        };
        let located = locate::locate_at(&self.node, &self.catalog, &view, call.request, &address, &mut rely_on);
        self.limited(&Run::at(call, &address), &view, located.ok().flatten().as_ref()).await
    }

    async fn limited(
        &self,
        run: &Run<'_>,
        view: &View,
        located: Option<&Located>,
    ) -> Result<BTreeMap<String, String>, Response> {
        match limit(&self.node, view, run, located) {
            Limited::Passed(headers) => Ok(headers),
            Limited::Refused { failure, mut headers, audited } => {
                if audited {
                    self.audit_limited(run, located, &failure).await;
                }
                let mut response = Response::failure(&failure);
                response.headers.append(&mut headers);
                Err(response)
            }
        }
    }

    /// It is refused either way, so nothing depends on its entries.
    async fn audit_limited(&self, run: &Run<'_>, located: Option<&Located>, failure: &Failure) {
        let mount = located.map(|located| located.mount.as_ref());
        let subject = Subject::new(run.request, authorize::asked(run), mount, None).at(run.namespace, run.path);
        let mut written = self.node.audit.request(run.now, &subject).await;
        if written.is_ok() {
            written = self.node.audit.response(run.now, &subject, Err(failure)).await;
        }
        if let Err(problem) = written {
            tracing::warn!(%problem, "a request that a rate limit refused could not be audited");
        }
    }

    /// On the node that the request came to, and once however often it runs.
    pub(super) async fn count_once(
        &self,
        run: &Run<'_>,
        view: &View,
        located: Option<&Located>,
        stages: &mut Stages<'_>,
    ) -> Result<(), Response> {
        if !stages.counted {
            stages.counted = true;
            stages.headers = self.limited(run, view, located).await?;
        }
        Ok(())
    }
}
