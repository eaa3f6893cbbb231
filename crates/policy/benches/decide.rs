//! What a decision costs with few and with many rules, and what merging policies costs that a decision does not pay.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use policy::{Acl, Operation, Policy, Question, builtin};

/// Exact paths, prefixes and patterns in turn.
fn rules(count: usize) -> String {
    let rule = |n: usize| {
        let path = match n % 3 {
            0 => format!("secret/data/team-{n}/app"),
            1 => format!("secret/data/team-{n}/*"),
            _ => format!("secret/+/team-{n}/config"),
        };
        format!("path \"{path}\" {{ capabilities = [\"create\", \"read\", \"update\"] }}\n")
    };
    (0..count).map(rule).collect()
}

fn decide(c: &mut Criterion) {
    let mut group = c.benchmark_group("policy");
    for count in [10, 100] {
        let parse = || {
            let text = rules(count);
            let default = builtin::text("default").expect("it is built in");
            [("own", text.as_str()), ("default", default)]
                .map(|(name, text)| Arc::new(Policy::parse(name, text).expect("the rules are valid")))
        };
        let policies = parse();
        let acl = Acl::new(&policies, Timestamp::UNIX_EPOCH);
        let ask = |path: &'static str| Question { operation: Operation::Read, path, parameters: None, wrap_ttl: None };
        let cases = [("exact", "secret/data/team-3/app"), ("prefix", "secret/data/team-4/a/b"), ("denied", "secret/x")];
        for (name, path) in cases {
            let question = ask(path);
            group
                .bench_function(BenchmarkId::new(name, count), |b| b.iter(|| acl.decide(black_box(&question)).allowed));
        }
        group.bench_function(BenchmarkId::new("parse and merge", count), |b| {
            b.iter(|| Acl::new(&parse(), Timestamp::UNIX_EPOCH));
        });
    }
    group.finish();
}

criterion_group!(benches, decide);
criterion_main!(benches);
