//! Which node runs a request: here, or at the active node.

use std::sync::Arc;
use std::time::Duration;

use barrier::Barrier;
use bytes::Bytes;
use sdk::Failure;
use storage::{Ran, RequestId, SealError};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use crate::catalog::Catalog;
use crate::consistency::{Forwarding, Missing};
use crate::dr::gate;
use crate::lanes::Lane;
use crate::lifecycle::Node;
use crate::pipeline::{Call, Kind, Pipeline, locate, resolve, unknown};
use crate::replication::{Asker, ForwardError, Leader, Outcome, Role};
use crate::request::Request;
use crate::response::Response;
use crate::trace::{Trace, TraceContext, Tracer, method_of};

pub struct Service {
    node: Arc<Node>,
    catalog: Catalog,
    pipeline: Pipeline,
    /// Whether a standby answers reads itself.
    serve_reads: bool,
    tracer: Option<Arc<dyn Tracer>>,
}

/// How a request came to the node that runs it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Came {
    /// From a client.
    Here,
    /// From a client, and the rate limits have counted it.
    Counted,
    /// From another node, which has counted it and waits for the answer.
    Forwarded,
}

/// Where a request is to run.
enum Place {
    Here,
    Active,
}

const NO_LEADER: &str = "no node is active at the moment: an election is going on, or too few nodes are up";

impl Service {
    pub fn new(node: Arc<Node>, catalog: Catalog, pipeline: Pipeline, serve_reads: bool) -> Self {
        Self { node, catalog, pipeline, serve_reads, tracer: None }
    }

    /// From the start on each request's span goes there.
    #[must_use]
    pub fn traced(mut self, tracer: Option<Arc<dyn Tracer>>) -> Self {
        self.tracer = tracer;
        self
    }

    /// Begins the span of a request that came from a client. `None`: nobody wants one.
    pub fn trace(
        &self,
        parent: impl FnOnce() -> Option<TraceContext>,
        method: &'static str,
        id: RequestId,
    ) -> Option<Trace> {
        self.tracer.as_ref().map(|tracer| Trace::begin(tracer.as_ref(), parent(), method, id, false))
    }

    pub fn answered(&self, trace: Option<&Trace>, status: u16) {
        if let (Some(tracer), Some(span)) = (&self.tracer, trace.and_then(|trace| trace.span.as_ref())) {
            tracer.ended(span, status);
        }
    }

    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Serves a request that arrived at this node.
    pub async fn serve(&self, request: Request, deadline: Instant) -> Response {
        if let Some(gone) = self.gone() {
            return gone;
        }
        if let Some(refused) = gate::refusal(&self.node, &self.catalog, &request) {
            return refused;
        }
        let _listed = self.node.in_flight.begin(&request, self.node.replication.now());
        if request.consistency.stale
            && let Some(response) = self.serve_stale(&request, deadline).await
        {
            return if response.moved { self.hand_on(request, deadline).await } else { response };
        }
        let mut wait = Wait::default();
        loop {
            match self.node.role() {
                Role::Active { .. } => {
                    let response = self.run(&request, deadline, Came::Here).await;
                    // Leadership was lost before anything was done: the next leader is waited for. That it was lost may
                    // be known here a moment later than where the request failed.
                    if !response.moved {
                        return response;
                    }
                    if self.is_active() {
                        self.leader_changes(&mut wait, deadline).await;
                    }
                    if self.is_active() {
                        return response;
                    }
                }
                Role::Standby { leader } => match self.place(&request) {
                    Ok(Place::Here) => match self.run_standby(&request, deadline).await {
                        Some(response) if response.moved => return self.hand_on(request, deadline).await,
                        Some(response) => return response,
                        None => {}
                    },
                    Ok(Place::Active) => {
                        return match refers(&request, &leader) {
                            Some(referred) => referred,
                            None => self.forward(request, deadline).await,
                        };
                    }
                    Err(failure) => return Response::failure(&failure),
                },
                Role::Unknown => {}
            }
            if !self.leader_changes(&mut wait, deadline).await {
                return Response::unavailable(NO_LEADER);
            }
            if let Some(gone) = self.gone() {
                return gone;
            }
        }
    }

    /// What a node says that is sealed or out of its cluster, also while a request waits.
    fn gone(&self) -> Option<Response> {
        if let Some(why) = self.node.out() {
            return Some(Response::errors(503, &[why]));
        }
        self.node.is_sealed().then(|| Response::failure(&Failure::Sealed))
    }

    /// A read of the state that this node has, whether or not anybody leads. `None`: it is served like any other.
    async fn serve_stale(&self, request: &Request, deadline: Instant) -> Option<Response> {
        let view = self.node.local_view().ok()?;
        let located = locate(&self.node, &self.catalog, &view, request).ok()??;
        let elsewhere = request.consistency.forwarding == Forwarding::Always;
        let too_old = self.node.replication.staleness().is_none_or(|old| old > STALE_MAX);
        if elsewhere
            || too_old
            || !matches!(located.kind(request), Kind::View)
            || self.is_limited(&view, request).ok()?
        {
            return None;
        }
        let lacking = self.lacks(request, false);
        if lacking.is_some() {
            return lacking.filter(|_| request.consistency.missing == Missing::Fail);
        }
        let now = self.node.replication.now();
        Some(self.admitted(Call::here(request, now, None, deadline)).await)
    }

    /// The refusal of a request that names a state which is not here.
    fn lacks(&self, request: &Request, newest: bool) -> Option<Response> {
        match self.node.holds(&request.consistency, newest) {
            Ok(true) => None,
            Ok(false) => Some(Response::errors(412, &["required index state not present"])),
            Err(problem) => Some(Response::errors(400, &[&problem.to_string()])),
        }
    }

    fn is_active(&self) -> bool {
        matches!(self.node.role(), Role::Active { .. })
    }

    /// Serves a request with a body that is streamed, one way or the other. It runs here or not at all: such a body is not
    /// forwarded.
    pub async fn serve_streamed(&self, request: Request, deadline: Instant) -> Response {
        if self.node.is_sealed() {
            return Response::failure(&Failure::Sealed);
        }
        if let Some(refused) = gate::refusal(&self.node, &self.catalog, &request) {
            return refused;
        }
        let term = match self.node.role() {
            Role::Active { term } => term,
            Role::Standby { leader } if !leader.api_address.is_empty() => {
                return Response::redirect(&format!(
                    "{}/v1/{}",
                    leader.api_address.trim_end_matches('/'),
                    request.path
                ));
            }
            Role::Standby { .. } | Role::Unknown => return Response::unavailable(NO_LEADER),
        };
        let _listed = self.node.in_flight.begin(&request, self.node.replication.now());
        match self.node.replication.read_point(deadline.min(Instant::now() + READ_POINT_MAX)).await {
            Ok(now) => {
                // For as long as its client takes, which is nobody's place to hold.
                self.pipeline.run(Call::here(&request, now, Some(term), deadline)).await
            }
            Err(problem) => Response::unavailable(&problem.0),
        }
    }

    /// Runs what another node forwarded. The payload and the answer are sealed messages.
    pub async fn serve_forwarded(&self, id: RequestId, payload: &[u8], deadline: Instant) -> Result<Bytes, SealError> {
        let _room = match self.node.lanes.room(payload.len()) {
            Ok(room) => room,
            Err(overloaded) => return seal_response(&self.node.barrier, id, &overloaded.response()).map(Bytes::from),
        };
        let plain = self.node.barrier.open_message(FORWARD, &id.to_bytes(), payload)?;
        let response = match serde_json::from_slice::<Request>(&plain) {
            Ok(mut request) if request.id == id => {
                let parent = request.trace.take().map(|trace| trace.context);
                let begin =
                    |tracer: &Arc<dyn Tracer>| Trace::begin(tracer.as_ref(), parent, method_of(request.verb), id, true);
                request.trace = self.tracer.as_ref().map(begin);
                let _listed = self.node.in_flight.begin(&request, self.node.replication.now());
                let span = tracing::info_span!("request", id = %id, forwarded = true);
                let response = self.run_when_active(&request, deadline).instrument(span).await;
                self.answered(request.trace.as_ref(), response.status);
                response
            }
            Ok(_) => Response::errors(400, &["the forwarded request has another id than its envelope"]),
            Err(e) => Response::errors(400, &[&format!("the forwarded request cannot be read: {e}")]),
        };
        let response = match response.stream {
            Some(_) => Response::errors(400, &["this answer is a stream; ask the active node for it"]),
            None => response,
        };
        seal_response(&self.node.barrier, id, &response).map(Bytes::from)
    }

    /// A node that was just elected gets requests before it is ready.
    async fn run_when_active(&self, request: &Request, deadline: Instant) -> Response {
        let mut wait = Wait::default();
        loop {
            match self.node.role() {
                Role::Active { .. } => return self.run(request, deadline, Came::Forwarded).await,
                Role::Standby { .. } => return Response::moved("leadership has moved on; nothing was done"),
                Role::Unknown => {}
            }
            if !self.leader_changes(&mut wait, deadline).await {
                return Response::moved(NO_LEADER);
            }
        }
    }

    async fn run(&self, request: &Request, deadline: Instant, came: Came) -> Response {
        let Role::Active { term } = self.node.role() else {
            return Response::moved("leadership moved before the request ran; nothing was done");
        };
        let now = match self.node.replication.read_point(deadline.min(Instant::now() + READ_POINT_MAX)).await {
            Ok(now) => now,
            Err(problem) => return Response::moved(&problem.0),
        };
        if let Err(problem) = self.node.leads(term) {
            tracing::error!(%problem, "the keyring could not be brought up to date");
            return Response::failure(&problem.into());
        }
        if let Some(lacking) = self.lacks(request, true) {
            return lacking;
        }
        let (forwarded, counted) = (came == Came::Forwarded, came != Came::Here);
        self.admitted(Call { forwarded, counted, ..Call::here(request, now, Some(term), deadline) }).await
    }

    async fn admitted(&self, call: Call<'_>) -> Response {
        match self.node.lanes.enter(Lane::of(call.request), call.deadline).await {
            // What has ended while the request waited has ended.
            Ok(place) => {
                let now = self.node.replication.now().max(call.now);
                self.pipeline.run(Call { now, place: Some(&place), ..call }).await
            }
            Err(overloaded) => overloaded.response(),
        }
    }

    /// Reads here. `None` when the leader was lost on the way and the request should be placed again.
    async fn run_standby(&self, request: &Request, deadline: Instant) -> Option<Response> {
        match self.node.replication.read_point(deadline.min(Instant::now() + READ_POINT_MAX)).await {
            Ok(now) => match self.lacks(request, true) {
                Some(lacking) => Some(lacking),
                None => Some(self.admitted(Call::here(request, now, None, deadline)).await),
            },
            // Leadership may be on its way to another node.
            Err(_) if Instant::now() < deadline => None,
            Err(problem) => Some(Response::unavailable(&problem.0)),
        }
    }

    /// A guess from this node's own state, which may lag: it decides where the request runs, not what it answers.
    fn place(&self, request: &Request) -> Result<Place, Failure> {
        if request.consistency.forwarding == Forwarding::Always {
            return Ok(Place::Active);
        }
        let view = self.node.local_view()?;
        let Some(located) = locate(&self.node, &self.catalog, &view, request)? else {
            return Ok(Place::Active);
        };
        if let Some(trace) = &request.trace {
            trace.located(&located);
        }
        let kind = match located.kind(request) {
            Kind::Upsert if self.pipeline.finds(&view, request, &located)? => Kind::View,
            kind => kind,
        };
        Ok(match kind {
            Kind::Act { here: true } => Place::Here,
            Kind::View if self.serve_reads && self.node.reads_as_standby() && !self.is_limited(&view, request)? => {
                Place::Here
            }
            _ => Place::Active,
        })
    }

    /// Whether the request's token counts its uses, which only the active node can do.
    fn is_limited(&self, view: &storage::View, request: &Request) -> Result<bool, Failure> {
        let Some(token) = &request.token else { return Ok(false) };
        Ok(self.node.tokens.may_count_uses(view, token)?)
    }

    /// A request counts where it came in, so that too many do not reach the active node.
    async fn forward(&self, request: Request, deadline: Instant) -> Response {
        let now = self.node.replication.now();
        let _place = match self.node.lanes.enter(Lane::onward(&request), deadline).await {
            Ok(place) => place,
            Err(overloaded) => return overloaded.response(),
        };
        let mut headers = match self.pipeline.count(&Call::here(&request, now, None, deadline)).await {
            Ok(headers) => headers,
            Err(refused) => return refused,
        };
        let mut response = self.forward_on(request, deadline).await;
        response.headers.append(&mut headers);
        response
    }

    /// What this node lacks, the active one may have. It was counted here.
    async fn hand_on(&self, request: Request, deadline: Instant) -> Response {
        let referred = match self.node.role() {
            Role::Standby { leader } => refers(&request, &leader),
            Role::Active { .. } | Role::Unknown => None,
        };
        match referred {
            Some(referred) => referred,
            None => self.forward_on(request, deadline).await,
        }
    }

    async fn forward_on(&self, request: Request, deadline: Instant) -> Response {
        let id = request.id;
        if let Some(trace) = &request.trace {
            trace.sent();
        }
        let payload = serde_json::to_vec(&request).expect("a request always serializes");
        if payload.len() > FORWARD_MAX {
            let text = format!("the request has {} bytes; at most {FORWARD_MAX} can be written at once", payload.len());
            return Response::failure(&Failure::TooLarge(text));
        }
        if let Err(refused) = self.pipeline.audit_forward(&request).await {
            return refused;
        }
        let payload = match self.node.barrier.seal_message(FORWARD, &id.to_bytes(), &payload) {
            Ok(payload) => Bytes::from(payload),
            Err(_) => return Response::failure(&Failure::Sealed),
        };
        let mut wait = Wait::default();
        loop {
            if let Role::Active { .. } = self.node.role() {
                let response = self.run(&request, deadline, Came::Counted).await;
                if !response.moved || matches!(self.node.role(), Role::Active { .. }) {
                    return response;
                }
            }
            match self.node.replication.forward(id, payload.clone(), deadline).await {
                // The other node is sealed or not ready: nothing was done there.
                Ok(sealed) if sealed.is_empty() => {}
                Ok(sealed) => match open_response(&self.node.barrier, id, &sealed) {
                    Ok(response) if response.moved && Instant::now() < deadline => {}
                    Ok(response) => return response,
                    Err(SealError::Sealed) => return Response::failure(&Failure::Sealed),
                    Err(problem) => {
                        tracing::error!(request = %id, %problem, "the active node's answer does not open");
                        return Response::unavailable("the active node's answer could not be read");
                    }
                },
                Err(ForwardError::NotSent(problem)) => {
                    tracing::debug!(request = %id, problem, "forwarding waits for a leader");
                }
                Err(ForwardError::Unclear(problem)) => {
                    tracing::debug!(request = %id, problem, "asking what became of a forwarded request");
                    if let Some(response) = self.ask(id, deadline).await {
                        return response;
                    }
                }
            }
            if !self.leader_changes(&mut wait, deadline).await {
                return Response::unavailable(NO_LEADER);
            }
            if let Some(gone) = self.gone() {
                return gone;
            }
        }
    }

    /// What became of a request whose answer did not arrive. `None`: it did not run, so it may be sent again.
    async fn ask(&self, id: RequestId, deadline: Instant) -> Option<Response> {
        match resolve(&self.node, id, Asker::Another, deadline).await {
            Outcome::NotRun => None,
            Outcome::Ran(Ran { revision, answer: Some(sealed) }) => {
                Some(match open_response(&self.node.barrier, id, &sealed) {
                    // It was sealed before its revision was known.
                    Ok(response) => self.node.with_index(response, revision),
                    Err(_) => Response::failure(&Failure::OutcomeUnknown(unknown(id))),
                })
            }
            Outcome::Ran(Ran { answer: None, .. }) => {
                let text = format!(
                    "request {id} was carried out, or begun if it takes several steps; its answer was lost with the node \
                     that ran it"
                );
                Some(Response::failure(&Failure::OutcomeUnknown(text)))
            }
            Outcome::Unknown => Some(Response::failure(&Failure::OutcomeUnknown(unknown(id)))),
        }
    }

    /// Waits a little, or until the role changes. False once the deadline has passed, or nobody has led for long.
    async fn leader_changes(&self, wait: &mut Wait, deadline: Instant) -> bool {
        const PAUSE: Duration = Duration::from_millis(20);
        let mut role = self.node.replication.role();
        role.mark_unchanged();
        let wake = (Instant::now() + PAUSE).min(deadline);
        let _ = timeout_at(wake, role.changed()).await;
        let now = Instant::now();
        let longest = LEADERLESS.max(ELECTIONS * self.node.replication.election_timeout());
        now < deadline && wait.goes_on(self.node.role() == Role::Unknown, now, longest)
    }
}

/// Since when a request has seen nobody lead.
#[derive(Default)]
struct Wait(Option<Instant>);

impl Wait {
    fn goes_on(&mut self, nobody_leads: bool, now: Instant, longest: Duration) -> bool {
        if !nobody_leads {
            self.0 = None;
            return true;
        }
        now.duration_since(*self.0.get_or_insert(now)) < longest
    }
}

/// The answer to a client that wants no forwarding: where the active node is.
fn refers(request: &Request, leader: &Leader) -> Option<Response> {
    let Forwarding::Never { target } = &request.consistency.forwarding else { return None };
    if leader.api_address.is_empty() {
        return Some(Response::unavailable(NO_LEADER));
    }
    Some(Response::redirect(&format!("{}{target}", leader.api_address.trim_end_matches('/'))))
}

/// Where nobody leads for so long, too few nodes are up. Clients and load balancers give up after a minute, and should read
/// that before.
const LEADERLESS: Duration = Duration::from_secs(15);
/// Unless elections are configured to take long: the last node that can lead, and should not, stands after nine of their timeouts.
const ELECTIONS: u32 = 12;

/// How old the state of a stale read may be: so long a token may work that was revoked elsewhere, for such reads.
const STALE_MAX: Duration = Duration::from_secs(10);

/// How long a request waits for its leader's word before it looks again who leads.
const READ_POINT_MAX: Duration = Duration::from_secs(10);

/// The most that one forwarded request may have, in bytes: the cluster port takes messages of 16 MiB, and no batch is
/// that large.
const FORWARD_MAX: usize = 15 * 1024 * 1024;
const FORWARD: &str = "forward";
const ANSWER: &str = "answer";

pub(crate) fn seal_response(barrier: &Barrier, id: RequestId, response: &Response) -> Result<Vec<u8>, SealError> {
    let plain = serde_json::to_vec(response).expect("a response always serializes");
    barrier.seal_message(ANSWER, &id.to_bytes(), &plain)
}

pub(crate) fn open_response(barrier: &Barrier, id: RequestId, sealed: &[u8]) -> Result<Response, SealError> {
    let plain = barrier.open_message(ANSWER, &id.to_bytes(), sealed)?;
    serde_json::from_slice(&plain).map_err(|e| SealError::Corrupt(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_waits_for_a_leader_as_long_as_nobody_leads_without_a_break() {
        let (mut wait, began) = (Wait::default(), Instant::now());
        let mut goes_on = |nobody_leads, seconds| {
            wait.goes_on(nobody_leads, began + Duration::from_secs(seconds), Duration::from_secs(15))
        };
        assert!(goes_on(true, 0) && goes_on(true, 14));
        // Somebody led meanwhile, and was lost again.
        assert!(goes_on(false, 40) && goes_on(true, 50) && goes_on(true, 64));
        assert!(!goes_on(true, 65));
    }
}
