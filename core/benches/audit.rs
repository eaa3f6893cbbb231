//! What an entry costs: every request has two.

use std::hint::black_box;
use std::sync::Arc;

use barrier::{Barrier, JoinKey, Keyring, RootKey};
use criterion::{Criterion, criterion_group, criterion_main};
use holdfast_core::audit::{AuditedHeaders, Decided, Entry, Phase, Style, Subject, Who};
use holdfast_core::mount::{Mount, Table};
use holdfast_core::request::Request;
use holdfast_core::token::{ClientToken, TokenKind, TokenRecord};
use sdk::{Answer, Map, Value, Verb, json};
use storage::{Millis, RequestId};

fn main_bench(criterion: &mut Criterion) {
    let barrier = Barrier::new();
    barrier.unseal(Keyring::generate(Millis(0), JoinKey::random()), RootKey::random());
    let mount = Mount::new(Table::Secret, "secret/", "kv", "");
    let who = Who {
        token: Arc::new(token()),
        rights: Arc::default(),
        uses_left: None,
        decided: Some(Decided { allowed: true, granted_by: vec!["app".into()] }),
    };
    let request = request();
    let answer = Answer::json(json!({
        "data": {"username": "app", "password": "correct horse battery staple", "host": "db.example.org"},
        "metadata": {"created_time": "2026-01-02T03:04:05.678Z", "custom_metadata": null, "deletion_time": "",
            "destroyed": false, "version": 7},
    }));
    let headers = AuditedHeaders::default();
    for (name, style) in [("hashed", Style::default()), ("raw", Style { raw: true, ..Style::default() })] {
        let render = |phase, outcome, subject: &Subject<'_>| {
            let entry = Entry { phase, at: Millis(1_700_000_000_000), subject, outcome, headers: &headers };
            entry.render(style, &barrier).ok().map(|line| line.len())
        };
        criterion.bench_function(&format!("audit/{name}/request"), |b| {
            b.iter(|| {
                let subject = Subject::new(&request, "read", Some(&mount), Some(&who));
                black_box(render(Phase::Request, None, &subject))
            });
        });
        criterion.bench_function(&format!("audit/{name}/both"), |b| {
            b.iter(|| {
                let subject = Subject::new(&request, "read", Some(&mount), Some(&who));
                black_box(render(Phase::Request, None, &subject));
                black_box(render(Phase::Response, Some(Ok(&answer)), &subject))
            });
        });
    }
}

fn request() -> Request {
    Request {
        namespace: String::new(),
        id: RequestId { applied: 42, random: [7; 16] },
        verb: Verb::Read,
        path: "secret/data/team/app/database".into(),
        token: Some(ClientToken::new("s.abcdefghijklmnopqrstuvwx".into())),
        body: Map::from_iter([("version".to_owned(), Value::String("7".into()))]),
        remote: Some(([10, 1, 2, 3], 45678).into()),
        certificates: Vec::new(),
        content_type: String::new(),
        wrap_ttl: None,
        mfa: Default::default(),
        consistency: Default::default(),
        audit_headers: Vec::new(),
        help: false,
        head: false,
        upload: None,
        trace: None,
        authorization: Default::default(),
        doors: Vec::new(),
    }
}

fn token() -> TokenRecord {
    TokenRecord {
        role: None,
        purpose: None,
        kind: TokenKind::Service,
        accessor: "abcdefghijklmnopqrstuvwx".into(),
        policies: vec!["app".into(), "default".into()],
        path: "auth/token/create".into(),
        display_name: "token-app".into(),
        meta: None,
        created: Millis(1_699_000_000_000),
        creation_ttl: 2_764_800,
        explicit_max_ttl: 0,
        period: 0,
        renewable: true,
        num_uses: 0,
        parent: None,
        entity_id: String::new(),
        logged_in: None,
        expires: Some(Millis(1_701_764_800_000)),
        last_renewal: None,
        lease: None,
        bound_cidrs: Vec::new(),
        origin: None,
        counted_by: None,
        home: sdk::Namespace::root(),
        initial_root: false,
    }
}

criterion_group!(benches, main_bench);
criterion_main!(benches);
