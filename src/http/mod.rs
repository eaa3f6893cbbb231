//! The HTTP face: bytes in, one canonical [`Request`](holdfast_core::request::Request) to the service, bytes out.
//!
//! ```text
//!   listener ─ TLS ─ parse (limits, method, path, headers, JSON) ─ node's own paths │ service ─ answer
//! ```

mod answer;
mod body;
mod json;
mod listener;
mod parse;
mod snapshot;
mod stream;
mod tls;

pub use body::BodyRoom;
pub use listener::{ListenError, Listening, bind};
pub use tls::{TlsError, server_config};

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use holdfast_core::response::Response;
use holdfast_core::service::Service;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use sdk::Failure;
use system::measures::Measures;
use system::node::Local;
use tokio::time::Instant;
use tracing::Instrument;

use crate::config::RequestLimits;
use parse::{Parsed, Refused};
use stream::AnswerBody;

/// What a request that keeps its own deadline may take longer.
const GRACE: Duration = Duration::from_secs(1);

/// What every connection needs to answer requests.
pub struct Face {
    pub service: Arc<Service>,
    pub local: Local,
    pub bodies: BodyRoom,
    pub measures: Arc<dyn Measures>,
}

impl Face {
    /// Never fails and never panics the connection: whatever goes wrong is an answer.
    async fn answer(
        self: Arc<Self>,
        request: hyper::Request<Incoming>,
        remote: SocketAddr,
        limits: &RequestLimits,
    ) -> hyper::Response<AnswerBody> {
        let deadline = Instant::now() + limits.duration;
        let head = request.method() == hyper::Method::HEAD;
        let one_at_a_time = request.version() <= hyper::Version::HTTP_11;
        let id = storage::RequestId {
            applied: self.service.node().replication.position().applied,
            random: crypto::random(),
        };
        let span = tracing::info_span!("request", id = %id);
        let response = Arc::clone(&self).respond(request, remote, limits, id, deadline).instrument(span).await;
        let mut answer = answer::render(response, head);
        // Said before the connection is closed, or the next request on it would meet the closing.
        if one_at_a_time && self.local.leaving.load(Ordering::Relaxed) {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }

    async fn respond(
        self: Arc<Self>,
        request: hyper::Request<Incoming>,
        remote: SocketAddr,
        limits: &RequestLimits,
        id: storage::RequestId,
        deadline: Instant,
    ) -> Response {
        if snapshot::is_wanted(&request) {
            return self.snapshot(request, remote, id, deadline).await;
        }
        let audited = self.service.node().audit.headers();
        let reading = parse::parse(request, remote, limits, &self.bodies, &audited, id);
        let parsed = match tokio::time::timeout_at(deadline, reading).await {
            Ok(Ok(parsed)) => parsed,
            Ok(Err(refused)) => return refuse(&refused),
            Err(_) => return Response::errors(408, &["the request did not arrive completely in time"]),
        };
        // A task of its own: a client that goes away does not stop a request halfway, and a panic ends nothing else.
        let running =
            tokio::spawn(self.run(parsed, limits.doors.names(), limits.open_metrics, deadline).in_current_span());
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

    async fn run(
        self: Arc<Self>,
        parsed: Parsed,
        doors: Vec<String>,
        open_metrics: bool,
        deadline: Instant,
    ) -> Response {
        let Parsed { method, query, body, request, path, _room } = parsed;
        if open_metrics && path == "sys/metrics" {
            return system::measures::answer(self.measures.as_ref(), method, &query);
        }
        if let Some(response) = system::node::answer(&self.local, method, &path, &query, &body).await {
            return response;
        }
        if self.service.node().is_sealed() {
            return Response::failure(&Failure::Sealed);
        }
        let mut request = match request {
            Ok(request) => request,
            Err(refused) => return refuse(&refused),
        };
        request.doors = doors;
        match body {
            Ok(body) => request.body = body,
            Err(problem) => return Response::errors(400, &[&problem]),
        }
        tracing::debug!(verb = ?request.verb, "a request");
        self.service.serve(request, deadline).await
    }
}

fn refuse(refused: &Refused) -> Response {
    let texts: Vec<&str> = refused.text.as_deref().into_iter().collect();
    Response::errors(refused.status, &texts)
}
