//! The HTTP face: bytes in, one canonical [`Request`](holdfast_core::request::Request) to the service, bytes out.
//!
//! ```text
//!   socket ─ PROXY header ─ TLS ─ peer (who asks) ─ gate, cors, clean ─ parse (limits, method, path, headers, JSON)
//!          ─ node's own paths │ service ─ answer (redaction, headers)
//! ```

mod activity;
mod answer;
mod body;
mod certificates;
mod clean;
mod connection;
mod consistency;
mod cors;
mod form;
mod gate;
pub mod json;
mod listener;
mod parse;
mod peer;
mod proxied;
mod redact;
mod request_log;
mod snapshot;
mod socket;
mod stream;
mod tls;
mod traces;

pub use answer::NodeHeaders;
pub use body::BodyRoom;
pub use listener::{Bound, ListenError, Listening, Serving, bind, connection_room};
pub use request_log::RequestLog;
pub use tls::{Tls, TlsError};

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use holdfast_core::cors::CorsRules;
use holdfast_core::pipeline::ROOT_ONLY;
use holdfast_core::response::Response;
use holdfast_core::service::Service;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue, ORIGIN};
use hyper::{Method, Version};
use sdk::Failure;
use system::measures::Measures;
use system::node::Local;
use tokio::time::Instant;
use tracing::Instrument;

use crate::config::{Cors, Doors, Listener, Redaction};
use cors::Verdict;
use parse::{Parsed, Refused};
use peer::Peer;
use request_log::Answered;
use stream::AnswerBody;

/// What a request that keeps its own deadline may take longer.
const GRACE: Duration = Duration::from_secs(1);

/// What every connection needs to answer requests.
pub struct Face {
    pub service: Arc<Service>,
    pub local: Local,
    pub bodies: BodyRoom,
    pub measures: Arc<dyn Measures>,
    pub names: NodeHeaders,
    pub log: RequestLog,
}

impl Face {
    fn is_sealed(&self) -> bool {
        self.service.node().is_sealed()
    }

    /// Never fails and never panics the connection: whatever goes wrong is an answer.
    async fn answer(
        self: Arc<Self>,
        mut request: hyper::Request<Incoming>,
        peer: &Peer,
        listener: &Listener,
    ) -> hyper::Response<AnswerBody> {
        let (began, method) = (Instant::now(), request.method().clone());
        let one_at_a_time = request.version() <= Version::HTTP_11;
        let path = request.uri().path().to_owned();
        let id = storage::RequestId {
            applied: self.service.node().replication.position().applied,
            random: crypto::random(),
        };
        // Of the gravest level: lines have the id whatever the log shows.
        let span = tracing::error_span!("request", id = %id);
        let trace = self.service.trace(|| traces::parent(request.headers()), traces::method(&method), id);
        if let Some(trace) = &trace {
            request.extensions_mut().insert(trace.clone());
        }
        let (remote, mut out) = match peer.behind(listener, request.headers()) {
            Ok(peer) => {
                let judged = Arc::clone(&self).judged(request, &peer, listener, id, began).instrument(span.clone());
                (peer.remote, judged.await)
            }
            Err(refused) => (peer.remote, answer::render(refuse(&refused), false)),
        };
        answer::decorate(&mut out, &listener.headers, &self.names);
        // Said before the connection is closed, or the next request on it would meet the closing.
        if one_at_a_time && self.local.leaving.load(Ordering::Relaxed) {
            out.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let status = out.status().as_u16();
        self.service.answered(trace.as_ref(), status);
        let answered = Answered { method: method.as_str(), path: &path, remote, status, took: began.elapsed() };
        span.in_scope(|| self.log.write(&answered));
        out
    }

    /// First what the listener wants, then the request itself.
    async fn judged(
        self: Arc<Self>,
        request: hyper::Request<Incoming>,
        peer: &Peer,
        listener: &Listener,
        id: storage::RequestId,
        began: Instant,
    ) -> hyper::Response<AnswerBody> {
        let head = request.method() == Method::HEAD;
        if let Some(refusal) = gate::refusal(listener, request.uri().path(), request.headers()) {
            return answer::render(refusal, head);
        }
        let common = match listener.access.cors {
            None if request.headers().contains_key(ORIGIN) => self.cors_of_all(),
            _ => None,
        };
        let rules = listener.access.cors.as_ref().or(common.as_ref());
        let for_pages = match cors::judge(rules, request.method(), request.headers()) {
            Verdict::Pass(headers) => headers,
            Verdict::Answer(response) => return answer::render(response, head),
        };
        let deadline = began + listener.limits.duration;
        let mut out = answer::render(self.respond(request, peer, listener, id, deadline).await, head);
        for (name, value) in for_pages {
            answer::set(out.headers_mut(), name, &value);
        }
        out
    }

    async fn respond(
        self: Arc<Self>,
        request: hyper::Request<Incoming>,
        peer: &Peer,
        listener: &Listener,
        id: storage::RequestId,
        deadline: Instant,
    ) -> Response {
        if let Some(elsewhere) = clean::redirect(request.method(), request.uri()) {
            return elsewhere;
        }
        if snapshot::is_wanted(&request) {
            return self.snapshot(request, peer, id, deadline).await;
        }
        let audited = self.service.node().audit.headers();
        let reading = parse::parse(request, peer, listener, &self.bodies, &audited, id);
        let parsed = match tokio::time::timeout_at(deadline, reading).await {
            Ok(Ok(parsed)) => parsed,
            Ok(Err(refused)) => return refuse(&refused),
            Err(_) => return Response::errors(408, &["the request did not arrive completely in time"]),
        };
        // A task of its own: a client that goes away does not stop a request halfway, and a panic ends nothing else.
        let running = tokio::spawn(self.run(parsed, Manner::of(listener), deadline).in_current_span());
        match tokio::time::timeout_at(deadline + GRACE, running).await {
            Ok(Ok(response)) => response,
            Ok(Err(panic)) => {
                tracing::error!(%panic, "a request panicked");
                Response::failure(&Failure::Internal(panic.to_string()))
            }
            Err(_) => Response::failure(&Failure::OutcomeUnknown(
                "the request did not finish in time; it may or may not have been carried out".into(),
            )),
        }
    }

    async fn run(self: Arc<Self>, parsed: Parsed, manner: Manner, deadline: Instant) -> Response {
        let Parsed { method, query, body, request, path, _room } = parsed;
        if manner.open_metrics && path == "sys/metrics" {
            return system::measures::answer(self.measures.as_ref(), method, &query);
        }
        let elsewhere = request.as_ref().is_ok_and(|request| !matches!(request.namespace.as_str(), "" | "root"));
        if elsewhere && system::node::is_of_the_cluster(&path) {
            return Response::errors(400, &[ROOT_ONLY]);
        }
        let asks_for_help = request.as_ref().is_ok_and(|request| request.help);
        if !asks_for_help && let Some(response) = system::node::answer(&self.local, method, &path, &query, &body).await
        {
            let open = !redact::concerns(manner.redaction, &path) || request.as_ref().is_ok_and(|r| self.is_known(r));
            return if open { response } else { redact::blank(manner.redaction, response) };
        }
        if let Some(why) = self.service.node().out() {
            return Response::errors(503, &[why]);
        }
        if self.is_sealed() {
            return Response::failure(&Failure::Sealed);
        }
        let mut request = match request {
            Ok(request) => request,
            Err(refused) => return refuse(&refused),
        };
        request.doors = manner.doors.names();
        match body {
            Ok(body) => request.body = body,
            Err(problem) => return Response::errors(400, &[&problem]),
        }
        tracing::debug!(verb = ?request.verb, "a request");
        self.service.serve(request, deadline).await
    }

    /// The rules for pages that the cluster has, for listeners without their own. A sealed node knows none.
    fn cors_of_all(&self) -> Option<Cors> {
        let view = self.service.node().local_view().ok()?;
        let CorsRules { origins, headers, credentials } = CorsRules::read(&view).ok()??;
        Some(Cors { origins, headers, credentials })
    }

    /// Whether the request brings a token that counts on this node, whatever it allows: one of the root, to whose operator the
    /// machines are known.
    fn is_known(&self, request: &holdfast_core::request::Request) -> bool {
        let node = self.service.node();
        let (Some(token), Ok(view)) = (&request.token, node.local_view()) else { return false };
        let valid = node.tokens.authenticate(&view, token, (self.local.clock)());
        let remote = request.remote.map(|remote| remote.ip());
        valid.is_ok_and(|valid| valid.record.home.is_root() && sdk::within(&valid.record.bound_cidrs, remote))
    }
}

/// How requests of one listener are answered.
#[derive(Clone, Copy)]
struct Manner {
    redaction: Redaction,
    doors: Doors,
    open_metrics: bool,
}

impl Manner {
    fn of(listener: &Listener) -> Manner {
        let (redaction, doors) = (listener.access.redaction, listener.doors);
        Manner { redaction, doors, open_metrics: listener.metrics.open }
    }
}

fn refuse(refused: &Refused) -> Response {
    let texts: Vec<&str> = refused.text.as_deref().into_iter().collect();
    Response::errors(refused.status, &texts)
}
