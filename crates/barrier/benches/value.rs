//! What the barrier costs: a value of a KiB sealed and opened, a name sealed, a token's HMAC.

use std::hint::black_box;

use barrier::{Barrier, Keyring, RootKey, UnsealKey};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use storage::{Class, Millis, RawKey, Sealer};

fn value(c: &mut Criterion) {
    let barrier = Barrier::new();
    barrier.unseal(Keyring::generate(Millis(1), UnsealKey::random().join_key()), RootKey::random());
    let key = RawKey::root(Class::Replicated).plain("kv");
    let plain = vec![b'x'; 1024];
    let sealed = barrier.seal_value(&key, &plain).expect("it is unsealed");
    let mut group = c.benchmark_group("barrier");
    group.bench_function("name", |b| b.iter(|| barrier.seal_name(key.as_bytes(), black_box(b"application"))));
    group.bench_function("token hmac", |b| b.iter(|| barrier.token_hmac(black_box(b"s.0123456789abcdefghijklmn"))));
    group.throughput(Throughput::Bytes(1024));
    group.bench_function("seal 1 KiB", |b| b.iter(|| barrier.seal_value(&key, black_box(&plain))));
    group.bench_function("open 1 KiB", |b| b.iter(|| barrier.open_value(&key, black_box(&sealed))));
    group.finish();
}

criterion_group!(benches, value);
criterion_main!(benches);
