//! The log and the state machine by themselves: an append that waits for the disk, and a batch applied.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use cluster::consensus::{Command, Entry, LeaderId, LogId};
use cluster::log::{LogOptions, LogStore};
use cluster::machine::{Machine, MachineOptions};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures::stream;
use openraft::EntryPayload;
use openraft::storage::{RaftLogStorageExt, RaftStateMachine};
use storage::{Batch, Class, Millis, RawKey, RequestId, SegKind};
use tokio::runtime::Runtime;

/// One write of a KiB, as it stands in the log.
fn entry(index: u64) -> Entry {
    let mut random = [0; 16];
    random[..8].copy_from_slice(&index.to_be_bytes());
    let mut batch = Batch::new(RequestId { applied: index.saturating_sub(1), random }, Millis(index));
    let mut key = RawKey::root(Class::Replicated);
    key.push(SegKind::Plain, format!("key-{}", index % 1000).as_bytes()).expect("the name is short");
    batch.puts.push((key, Bytes::from(vec![7; 1024])));
    let leader_id = LeaderId { term: 1, node_id: 1 };
    Entry { log_id: LogId { leader_id, index }, payload: EntryPayload::Normal(Command::batch(batch)) }
}

fn store(c: &mut Criterion) {
    let runtime = Runtime::new().expect("the runtime starts");
    let folder = tempfile::tempdir().expect("a folder");
    let fatal = || Arc::new(|why: &str| panic!("{why}"));
    let log = LogStore::open(LogOptions::new(folder.path().join("raft"), 1, fatal())).expect("the log opens");
    let next = AtomicU64::new(1);
    let mut group = c.benchmark_group("store");
    for size in [1_u64, 32] {
        group.throughput(Throughput::Elements(size));
        group.bench_function(format!("append {size}, synced"), |b| {
            b.iter(|| {
                let from = next.fetch_add(size, Ordering::Relaxed);
                let entries: Vec<_> = (from..from + size).map(entry).collect();
                runtime.block_on(log.clone().blocking_append(entries)).expect("the disk takes it");
            });
        });
    }
    let options = MachineOptions {
        data: folder.path().to_owned(),
        durable: None,
        on_fatal: fatal(),
        formats: Default::default(),
        stray: Default::default(),
        level: Default::default(),
    };
    let mut machine = Machine::open(options).expect("the state opens");
    let applied = AtomicU64::new(1);
    for size in [1_u64, 32] {
        group.throughput(Throughput::Elements(size));
        group.bench_function(format!("apply {size}"), |b| {
            b.iter(|| {
                let from = applied.fetch_add(size, Ordering::Relaxed);
                let entries: Vec<_> = (from..from + size).map(|n| Ok((entry(n), None))).collect();
                runtime.block_on(machine.apply(stream::iter(entries))).expect("the state takes it");
            });
        });
    }
    group.finish();
}

criterion_group! { name = benches; config = Criterion::default().sample_size(20); targets = store }
criterion_main!(benches);
