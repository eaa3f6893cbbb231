//! The door of `sys/storage/raft/snapshot` and `snapshot-force`, whose bodies do not fit into memory.
//!
//! They go through the same pipeline as every request, and are never forwarded: a standby says where the active node is.
//! Instead of a size and a time for the whole there is a time for each piece. A node that has no cluster takes a restore
//! from anybody, as it takes `sys/init`.

use std::sync::Arc;
use std::time::Duration;

use holdfast_core::audit::AuditedHeaders;
use holdfast_core::backup::Trust;
use holdfast_core::lifecycle::Node;
use holdfast_core::request::{Request, canonical};
use holdfast_core::response::Response;
use http_body_util::BodyExt;
use hyper::Method;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use percent_encoding::percent_decode_str;
use sdk::{Failure, Pipe, PipeWriter, Verb};
use storage::RequestId;
use tokio::time::{Instant, timeout};
use tracing::Instrument;

use super::peer::Peer;
use super::{Face, parse, refuse};

/// How long the next piece of an upload may take to come.
const PIECE_MAX: Duration = Duration::from_secs(30);
/// For how long the rest of an upload is taken that was answered before its end.
const DRAIN_MAX: Duration = Duration::from_secs(30);
/// How long all of it may take, loading included.
const RESTORE_MAX: Duration = Duration::from_secs(6 * 3600);

/// Whether a request comes in by this door.
pub fn is_wanted(request: &hyper::Request<Incoming>) -> bool {
    matches!(*request.method(), Method::GET | Method::POST | Method::PUT) && path(request.uri().path()).is_some()
}

fn path(raw: &str) -> Option<String> {
    let decoded: Vec<u8> = percent_decode_str(raw.strip_prefix("/v1/")?).collect();
    canonical(&decoded).ok().filter(|path| matches!(path.as_str(), SNAPSHOT | FORCE))
}

const SNAPSHOT: &str = "sys/storage/raft/snapshot";
const FORCE: &str = "sys/storage/raft/snapshot-force";

impl Face {
    pub(super) async fn snapshot(
        self: Arc<Self>,
        request: hyper::Request<Incoming>,
        peer: &Peer,
        id: RequestId,
        deadline: Instant,
    ) -> Response {
        let (head, body) = request.into_parts();
        let mut request = match parsed(&head, peer, &self.service.node().audit.headers(), id) {
            Ok(request) => request,
            Err(refused) => return refuse(&refused),
        };
        let node = Arc::clone(self.service.node());
        if request.verb == Verb::Write && !node.is_initialised() {
            let (writer, pipe) = sdk::pipe();
            return with_upload(body, writer, found(node, pipe)).await;
        }
        if request.help || !matches!(request.verb, Verb::Read | Verb::Write) {
            return self.service.serve(request, deadline).await;
        }
        if request.wrap_ttl.is_some() {
            return Response::errors(400, &["this answer is no JSON, so it cannot be wrapped"]);
        }
        if request.verb == Verb::Read {
            return done(tokio::spawn(self.run_streamed(request, deadline).in_current_span()).await);
        }
        let (writer, pipe) = sdk::pipe();
        request.upload = Some(pipe);
        with_upload(body, writer, self.run_streamed(request, Instant::now() + RESTORE_MAX)).await
    }

    async fn run_streamed(self: Arc<Self>, request: Request, deadline: Instant) -> Response {
        self.service.serve_streamed(request, deadline).await
    }
}

fn parsed(head: &Parts, peer: &Peer, audited: &AuditedHeaders, id: RequestId) -> Result<Request, parse::Refused> {
    // This door was chosen by it.
    let path = path(head.uri.path()).unwrap_or_default();
    parse::without_body(head, &path, peer, audited, id)
}

/// A task of its own does the work: a client that goes away once it has sent everything does not stop it half-way.
async fn with_upload(
    mut body: Incoming,
    writer: PipeWriter,
    work: impl Future<Output = Response> + Send + 'static,
) -> Response {
    let mut working = tokio::spawn(work.in_current_span());
    let answered = tokio::select! {
        answered = &mut working => answered,
        // Which ends early as well, when the work has stopped reading and is about to answer.
        () = pump(&mut body, writer) => working.await,
    };
    // A connection that is closed while its client still writes takes the answer with it.
    tokio::spawn(timeout(DRAIN_MAX, drain(body)));
    done(answered)
}

/// Reads what nobody wants.
async fn drain(mut body: Incoming) {
    while let Some(Ok(_)) = body.frame().await {}
}

fn done(answered: Result<Response, tokio::task::JoinError>) -> Response {
    answered.unwrap_or_else(|panic| {
        tracing::error!(%panic, "a request panicked");
        Response::failure(&Failure::Internal(panic.to_string()))
    })
}

async fn found(node: Arc<Node>, pipe: Pipe) -> Response {
    let Some(upload) = pipe.open() else { return Response::failure(&Failure::internal("the upload is taken")) };
    match node.restore(upload, Trust::Founder).await {
        Ok(_) => Response::empty(204),
        Err(failure) => {
            tracing::warn!(%failure, "a restore into this node, which has no cluster, has failed");
            Response::failure(&failure)
        }
    }
}

/// Passes the body on, piece by piece, as fast as it is taken.
async fn pump(body: &mut Incoming, writer: PipeWriter) {
    let why = loop {
        match timeout(PIECE_MAX, body.frame()).await {
            Ok(None) => {
                // Whoever reads no more has answered, or is about to.
                let _ = writer.finish().await;
                return;
            }
            Ok(Some(Ok(frame))) => {
                let Ok(piece) = frame.into_data() else { continue };
                if writer.send(piece).await.is_err() {
                    return;
                }
            }
            Ok(Some(Err(problem))) => break problem.to_string(),
            Err(_) => break format!("nothing came for {PIECE_MAX:?}"),
        }
    };
    let _ = writer.fail(why).await;
}
