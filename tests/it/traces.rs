//! OpenTelemetry traces: what a collector gets of requests, and what it never gets.

use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Attribute;
use parking_lot::Mutex;
use prost::Message;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::harness::{Cluster, Transport, until};

const VALUE: &str = "canary-value-70aa";
const NAME: &str = "canary-name-c14f";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// Takes what is posted to it.
struct Collector {
    address: String,
    bodies: Arc<Mutex<Vec<Bytes>>>,
}

/// A span as the tests look at it.
#[derive(Debug)]
struct Span {
    trace: String,
    id: String,
    parent: String,
    name: String,
    status: i64,
    forwarded: String,
    node: String,
}

impl Collector {
    async fn start() -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&bodies);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let taken = Arc::clone(&taken);
                let service = service_fn(move |request: hyper::Request<Incoming>| {
                    let taken = Arc::clone(&taken);
                    async move {
                        assert_eq!(request.uri().path(), "/v1/traces");
                        assert_eq!(request.headers()["content-type"], "application/x-protobuf");
                        let body = request.into_body().collect().await?.to_bytes();
                        taken.lock().push(body);
                        Ok::<_, hyper::Error>(hyper::Response::new(Full::new(Bytes::new())))
                    }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Collector { address, bodies }
    }

    fn spans(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        for body in self.bodies.lock().iter() {
            for of_node in ExportTraceServiceRequest::decode(body.clone()).unwrap().resource_spans {
                let resource = of_node.resource.unwrap().attributes;
                for span in of_node.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                    spans.push(Span {
                        trace: hex::encode(&span.trace_id),
                        id: hex::encode(&span.span_id),
                        parent: hex::encode(&span.parent_span_id),
                        status: attribute(&span.attributes, "http.response.status_code").as_i64().unwrap(),
                        forwarded: attribute(&span.attributes, "holdfast.forwarded").as_str().unwrap().to_owned(),
                        node: attribute(&resource, "service.instance.id").as_str().unwrap().to_owned(),
                        name: span.name,
                    });
                }
            }
        }
        spans
    }
}

fn attribute(all: &[opentelemetry_proto::tonic::common::v1::KeyValue], key: &str) -> Value {
    let found = all.iter().find(|one| one.key == key).unwrap_or_else(|| panic!("no {key}: {all:?}"));
    match found.value.as_ref().unwrap().value.as_ref().unwrap() {
        Attribute::StringValue(text) => json!(text),
        Attribute::IntValue(number) => json!(number),
        other => panic!("{key}: {other:?}"),
    }
}

async fn traced(size: usize, telemetry: Value) -> Cluster {
    let mut cluster = Cluster::configured(size, Transport::Plain, &json!({ "telemetry": telemetry }));
    for node in &mut cluster.nodes {
        node.start().await;
    }
    cluster.initialise(1, 1).await;
    for index in 0..size {
        cluster.unseal(index).await;
    }
    for index in 0..size {
        cluster.serves(index).await;
    }
    cluster.all_vote().await;
    cluster
}

#[tokio::test]
async fn a_trace_goes_on_from_the_client_through_both_nodes() {
    let collector = Collector::start().await;
    let mut cluster = traced(2, json!({ "otlp_endpoint": collector.address })).await;
    let (leader, standby) = (cluster.leader().await, cluster.standbys().await[0]);
    let names: Vec<String> = [leader, standby].iter().map(|node| cluster.nodes[*node].name.clone()).collect();
    let root = cluster.root(standby);
    root.post("/v1/sys/mounts/secret", json!({ "type": "kv", "options": { "version": "2" } })).await.ok();
    // A read here is never stale: from now on the standby knows the mount as well.
    root.get("/v1/sys/mounts").await.ok();

    let with = |flags: &str| root.with_header("traceparent", &format!("00-{TRACE}-{PARENT}-{flags}"));
    let path = format!("/v1/secret/data/{NAME}");
    with("01").post(&path, json!({ "data": { "k": VALUE } })).await.ok();
    with("01").get(&path).await.ok();
    with("00").delete(&path).await.ok();
    assert_eq!(root.get(&format!("/v1/{NAME}/x?{NAME}={VALUE}")).await.status, 404);

    // What is queued is sent before a node ends.
    cluster.nodes[standby].stop().await;
    cluster.nodes[leader].stop().await;
    let spans = collector.spans();
    let ours: Vec<&Span> = spans.iter().filter(|span| span.trace == TRACE).collect();
    let one = |method: &str, forwarded: &str| {
        let fits = |span: &&&Span| span.name == format!("{method} kv/data/:path*") && span.forwarded == forwarded;
        let found: Vec<_> = ours.iter().filter(fits).collect();
        assert_eq!(found.len(), 1, "{method} {forwarded}: {spans:#?}");
        *found[0]
    };
    let (sent, received) = (one("POST", "sent"), one("POST", "received"));
    assert_eq!((sent.parent.as_str(), received.parent.as_str()), (PARENT, sent.id.as_str()));
    assert_eq!([&received.node, &sent.node], [&names[0], &names[1]]);
    assert_eq!((sent.status, received.status), (200, 200));
    assert_eq!(one("GET", "no").node, names[1], "a standby answers reads");
    assert_eq!(ours.len(), 3, "a client that records nothing is not recorded: {ours:#?}");
    assert!(spans.iter().any(|span| span.status == 404), "{spans:#?}");
    assert!(
        spans
            .iter()
            .any(|span| span.trace != TRACE && span.parent.is_empty() && span.name == "POST system/mounts/:path+")
    );

    let token = cluster.keys.as_ref().unwrap().root.clone();
    for body in collector.bodies.lock().iter() {
        for canary in [VALUE, NAME, &token] {
            assert!(!body.windows(canary.len()).any(|window| window == canary.as_bytes()), "{canary}");
        }
    }
}

#[tokio::test]
async fn a_collector_that_is_down_costs_spans_and_no_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let cluster = traced(1, json!({ "otlp_endpoint": address })).await;
    let root = cluster.root(0);
    root.get("/v1/sys/mounts").await.ok();
    until("lost spans are counted", async || {
        let text = root.get("/v1/sys/metrics?format=prometheus").await.ok();
        let lost = text.as_str()?.lines().find_map(|line| line.strip_prefix("holdfast_traces_lost "))?;
        (lost != "0").then_some(())
    })
    .await;
    assert!(cluster.nodes[0].log().contains("traces cannot be sent"));
}

#[tokio::test]
async fn of_traces_that_begin_here_a_part_is_recorded() {
    let collector = Collector::start().await;
    let mut cluster = traced(1, json!({ "otlp_endpoint": collector.address, "otlp_sampled_percent": 0 })).await;
    cluster.root(0).get("/v1/sys/mounts").await.ok();
    let told = cluster.root(0).with_header("traceparent", &format!("00-{TRACE}-{PARENT}-01"));
    told.get("/v1/sys/mounts").await.ok();
    cluster.nodes[0].stop().await;
    let spans = collector.spans();
    assert_eq!(spans.iter().map(|span| span.trace.as_str()).collect::<Vec<_>>(), [TRACE], "{spans:#?}");
}
