//! Parts of a request's way, and a whole one, on a node in memory: finding the mount, the token, writing the answer.

mod node;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use holdfast_core::catalog::Catalog;
use holdfast_core::pipeline::{Pipeline, locate};
use holdfast_core::replication::Replication;
use holdfast_core::request::Request;
use holdfast_core::response::Response;
use holdfast_core::service::Service;
use holdfast_core::token::ClientToken;
use sdk::{Answer, Map, Verb, json};
use storage::RequestId;
use system::measures::{Measures, Nothing};
use tokio::runtime::Runtime;
use tokio::time::Instant;

fn lookup_self(token: &ClientToken) -> Request {
    Request {
        namespace: String::new(),
        id: RequestId { applied: 0, random: crypto::random() },
        verb: Verb::Read,
        path: "auth/token/lookup-self".into(),
        token: Some(token.clone()),
        body: Map::new(),
        remote: None,
        certificates: Vec::new(),
        content_type: String::new(),
        wrap_ttl: None,
        mfa: Default::default(),
        consistency: Default::default(),
        help: false,
        head: false,
        audit_headers: Vec::new(),
        upload: None,
        trace: None,
        authorization: Default::default(),
        doors: Vec::new(),
    }
}

fn request(c: &mut Criterion) {
    let runtime = Runtime::new().expect("the runtime starts");
    let (node, alone, token) = runtime.block_on(node::serving());
    let token = ClientToken::new(token);
    let measures: Arc<dyn Measures> = Arc::new(Nothing);
    let catalog = system::with_builtins(Catalog::default(), &node, &measures);
    let view = node.local_view().expect("it is unsealed");
    let mut group = c.benchmark_group("request");
    let asked = lookup_self(&token);
    group.bench_function("locate", |b| {
        b.iter(|| locate(&node, &catalog, &view, black_box(&asked)).expect("it is mounted").is_some());
    });
    group.bench_function("token lookup", |b| {
        b.iter(|| node.tokens.authenticate(&view, black_box(&token), alone.now()).is_ok());
    });
    let answer =
        Answer::json(json!({"data": {"value": "x".repeat(1024)}, "metadata": {"version": 1, "destroyed": false}}));
    group.bench_function("JSON answer of 1 KiB", |b| b.iter(|| Response::answer(asked.id, black_box(&answer))));

    let pipeline = Pipeline::new(Arc::clone(&node), catalog.clone());
    let service = Service::new(Arc::clone(&node), catalog, pipeline, true);
    group.bench_function("lookup-self, whole", |b| {
        b.iter(|| {
            let deadline = Instant::now() + Duration::from_secs(5);
            runtime.block_on(service.serve(lookup_self(&token), deadline)).status
        });
    });
    group.finish();
}

criterion_group!(benches, request);
criterion_main!(benches);
