//! OpenTelemetry traces, where the configuration names a collector: each request's span goes there by OTLP over HTTP.
//!
//! Spans wait in a bounded queue and go out in batches, one batch at a time. Nobody waits for them: what does not fit, and
//! what the collector does not take, is lost and counted. The messages are the library's; its own exporters and processors
//! have threads, a second HTTP client and variables of the environment, and do not count what they lose.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use holdfast_core::audit::{HttpTarget, Post};
use holdfast_core::trace::{Span, Tracer};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{self as otlp, ResourceSpans, ScopeSpans};
use prost::Message;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use crate::config::TraceSettings;

/// Spans that may wait.
const QUEUE: usize = 2048;
/// Spans that go out together.
const BATCH: usize = 512;
/// How long a batch waits for more.
const GATHER: Duration = Duration::from_secs(1);
/// How long the collector may take.
const SEND_MAX: Duration = Duration::from_secs(10);
/// The same, when the server stops.
const STOP_MAX: Duration = Duration::from_secs(3);

const LOST: &str = "holdfast.traces.lost";
const SENT: &str = "holdfast.traces.sent";

/// Where spans are put.
pub struct Traces {
    queue: mpsc::Sender<otlp::Span>,
    percent: u64,
}

/// What sends them.
pub struct Exporting {
    last: watch::Sender<bool>,
    done: JoinHandle<()>,
}

/// `instance` is this node's name.
pub fn start(settings: &TraceSettings, instance: &str, post: Arc<dyn Post>) -> (Arc<Traces>, Exporting) {
    let (queue, waiting) = mpsc::channel(QUEUE);
    let (last, ended) = watch::channel(false);
    let headers = vec![("content-type".to_owned(), "application/x-protobuf".to_owned())];
    let target = HttpTarget { uri: format!("{}/v1/traces", settings.endpoint), headers };
    let exporter = Exporter { waiting, ended, post, target, resource: resource(instance), failing: false };
    for name in [LOST, SENT] {
        metrics::counter!(name).increment(0);
    }
    let traces = Traces { queue, percent: settings.percent };
    (Arc::new(traces), Exporting { last, done: tokio::spawn(exporter.run()) })
}

impl Tracer for Traces {
    fn records(&self, trace: &[u8; 16]) -> bool {
        let [.., a, b, c, d, e, f, g, h] = *trace;
        u64::from_be_bytes([a, b, c, d, e, f, g, h]) % 100 < self.percent
    }

    fn ended(&self, span: &Span, status: u16) {
        if self.queue.try_send(message(span, status)).is_err() {
            metrics::counter!(LOST).increment(1);
        }
    }
}

impl Exporting {
    /// What is queued goes out, if the collector takes it soon.
    pub async fn finish(mut self) {
        self.last.send_replace(true);
        if timeout(STOP_MAX, &mut self.done).await.is_err() {
            self.done.abort();
            tracing::warn!("the last traces were not sent");
        }
    }
}

struct Exporter {
    waiting: mpsc::Receiver<otlp::Span>,
    ended: watch::Receiver<bool>,
    post: Arc<dyn Post>,
    target: HttpTarget,
    resource: Resource,
    failing: bool,
}

impl Exporter {
    async fn run(mut self) {
        while let Some(batch) = self.next().await {
            self.send(batch).await;
        }
        let mut rest = Vec::new();
        while let Ok(span) = self.waiting.try_recv() {
            rest.push(span);
        }
        if !rest.is_empty() {
            self.send(rest).await;
        }
    }

    /// `None` when the end has come.
    async fn next(&mut self) -> Option<Vec<otlp::Span>> {
        let mut batch = Vec::new();
        let mut gather = None;
        while batch.len() < BATCH {
            let room = BATCH - batch.len();
            let more = async {
                match gather {
                    None => self.waiting.recv_many(&mut batch, room).await,
                    // Time is up: nothing more.
                    Some(until) => timeout_at(until, self.waiting.recv_many(&mut batch, room)).await.unwrap_or(0),
                }
            };
            let came = tokio::select! {
                came = more => came,
                _ = self.ended.wait_for(|ended| *ended) => 0,
            };
            if came == 0 {
                break;
            }
            gather.get_or_insert(Instant::now() + GATHER);
        }
        Some(batch).filter(|batch| !batch.is_empty())
    }

    async fn send(&mut self, spans: Vec<otlp::Span>) {
        let count = spans.len() as u64;
        let scope = InstrumentationScope { name: "holdfast".to_owned(), ..InstrumentationScope::default() };
        let scoped = ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() };
        let all = ResourceSpans {
            resource: Some(self.resource.clone()),
            scope_spans: vec![scoped],
            ..ResourceSpans::default()
        };
        let body = ExportTraceServiceRequest { resource_spans: vec![all] }.encode_to_vec();
        match self.post.post(&self.target, Bytes::from(body), SEND_MAX).await {
            Ok(()) => {
                metrics::counter!(SENT).increment(count);
                if std::mem::take(&mut self.failing) {
                    tracing::info!("traces are sent again");
                }
            }
            Err(problem) => {
                metrics::counter!(LOST).increment(count);
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(
                        problem,
                        "traces cannot be sent; they are lost, and counted, until that works again"
                    );
                }
            }
        }
    }
}

fn resource(instance: &str) -> Resource {
    let attributes = vec![
        text("service.name", "holdfast"),
        text("service.version", env!("CARGO_PKG_VERSION")),
        text("service.instance.id", instance),
    ];
    Resource { attributes, ..Resource::default() }
}

fn message(span: &Span, status: u16) -> otlp::Span {
    let began = span.began.duration_since(UNIX_EPOCH).unwrap_or_default();
    let nanos = |since: Duration| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
    let forwarded = match (span.received, span.was_sent()) {
        (true, _) => "received",
        (false, true) => "sent",
        (false, false) => "no",
    };
    let mut attributes = vec![
        text("http.request.method", span.method),
        attribute("http.response.status_code", Value::IntValue(i64::from(status))),
        text("holdfast.request_id", &span.request.to_string()),
        text("holdfast.forwarded", forwarded),
    ];
    attributes.extend(span.route().map(|route| text("http.route", route)));
    let code = if status >= 500 { StatusCode::Error } else { StatusCode::Unset };
    otlp::Span {
        trace_id: span.context.trace.to_vec(),
        span_id: span.context.span.to_vec(),
        parent_span_id: span.parent.map(|parent| parent.to_vec()).unwrap_or_default(),
        name: span.route().map_or_else(|| span.method.to_owned(), |route| format!("{} {route}", span.method)),
        kind: SpanKind::Server.into(),
        start_time_unix_nano: nanos(began),
        end_time_unix_nano: nanos(began + span.since.elapsed()),
        attributes,
        status: Some(otlp::Status { code: code.into(), ..otlp::Status::default() }),
        ..otlp::Span::default()
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use holdfast_core::trace::{Trace, TraceContext};
    use parking_lot::Mutex;
    use storage::RequestId;
    use tokio::sync::Notify;

    use super::*;

    /// Takes batches when it is let, and fails the first if it is to.
    #[derive(Default)]
    struct Collector {
        batches: Mutex<Vec<usize>>,
        open: Notify,
        asked: Notify,
    }

    #[async_trait]
    impl Post for Collector {
        async fn post(&self, to: &HttpTarget, body: Bytes, _within: Duration) -> Result<(), String> {
            assert_eq!(to.uri, "http://collector:4318/v1/traces");
            self.asked.notify_one();
            self.open.notified().await;
            let all = ExportTraceServiceRequest::decode(body).unwrap();
            let mut batches = self.batches.lock();
            batches.push(all.resource_spans[0].scope_spans[0].spans.len());
            if batches.len() == 1 { Err("not today".to_owned()) } else { Ok(()) }
        }
    }

    fn span(tracer: &Traces) -> Arc<Span> {
        let id = RequestId { applied: 1, random: crypto::random() };
        let parent = TraceContext { trace: [1; 16], span: [2; 8], recorded: true };
        Trace::begin(tracer, Some(parent), "GET", id, false).span.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_collector_that_hangs_costs_spans_and_nothing_else() {
        let collector = Arc::new(Collector::default());
        let settings = TraceSettings { endpoint: "http://collector:4318".to_owned(), percent: 100 };
        let (traces, exporting) = start(&settings, "n1", Arc::clone(&collector) as Arc<dyn Post>);
        let span = span(&traces);
        traces.ended(&span, 200);
        collector.asked.notified().await;
        // It holds the first batch: the queue fills, and what is more is lost at once.
        for _ in 0..QUEUE + 100 {
            traces.ended(&span, 200);
        }
        assert_eq!(traces.queue.capacity(), 0);
        for _ in 0..8 {
            collector.open.notify_one();
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
        }
        exporting.finish().await;
        let batches = collector.batches.lock();
        assert_eq!((batches[0], batches.iter().sum::<usize>()), (1, QUEUE + 1), "{batches:?}");
        assert!(batches[..batches.len() - 1].iter().all(|spans| *spans <= BATCH), "{batches:?}");
    }

    #[test]
    fn a_message_says_what_happened_and_to_no_name() {
        let traces = Traces { queue: mpsc::channel(1).0, percent: 100 };
        let message = message(&span(&traces), 503);
        assert_eq!((message.trace_id, message.parent_span_id), (vec![1; 16], vec![2; 8]));
        assert_eq!((message.name.as_str(), message.status.unwrap().code), ("GET", StatusCode::Error as i32));
        assert!(message.end_time_unix_nano >= message.start_time_unix_nano && message.start_time_unix_nano > 0);
    }

    #[test]
    fn a_part_of_the_traces_is_recorded() {
        let recorded = |percent| {
            let traces = Traces { queue: mpsc::channel(1).0, percent };
            (0..1000).filter(|_| traces.records(&crypto::random())).count()
        };
        assert_eq!((recorded(0), recorded(100)), (0, 1000));
        assert!((100..400).contains(&recorded(25)));
    }
}
