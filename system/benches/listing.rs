//! A page of a folder of 100,000 names: its listing made anew, at hand, and behind a write.

mod node;

use criterion::{Criterion, criterion_group, criterion_main};
use holdfast_core::lifecycle::Node;
use sdk::{Access, Key, Read, View};
use storage::{Class, Latches, Millis, Path, RequestId, Term, TxnState};
use tokio::runtime::Runtime;

const NAMES: usize = 100_000;
/// What fits into one batch.
const PART: usize = 2000;

fn folder() -> Key {
    Key::kind("folder")
}

fn view(node: &Node) -> View {
    let snapshot = node.store.snapshot().expect("it is unsealed");
    View::new(snapshot, Path::root(Class::Replicated)).listed_by(&node.listings)
}

async fn put(node: &Node, names: impl Iterator<Item = String>) {
    let mut state = TxnState::new(node.store.snapshot().expect("it is unsealed"), Latches::new().begin());
    let mut txn = state.at(Path::root(Class::Replicated));
    for name in names {
        txn.put(&folder().name(name), &1).expect("a number can be written");
    }
    let id = RequestId { applied: 0, random: crypto::random() };
    let batch = node.store.seal(id, Millis(1), state.finish().0).expect("it is unsealed");
    node.store.commit(Term(1), batch).await.expect("nobody is in its way");
}

fn listing(c: &mut Criterion) {
    let runtime = Runtime::new().expect("the runtime starts");
    let (node, ..) = runtime.block_on(node::serving());
    runtime.block_on(async {
        for part in 0..NAMES / PART {
            put(&node, (part * PART..(part + 1) * PART).map(|n| format!("name-{n:06}"))).await;
        }
    });
    let Err(Access::Unlisted(large)) = view(&node).list(&folder()) else { panic!("it is large") };
    let page = || view(&node).page(&folder(), Some("name-050000"), 100).expect("it is at hand");

    let mut group = c.benchmark_group("listing of 100,000 names");
    group.sample_size(10);
    group.bench_function("found to be large", |b| b.iter(|| view(&node).list(&folder()).is_err()));
    group.bench_function("made", |b| {
        b.iter(|| {
            node.listings.clear();
            node.listings.make(&node.store, &large).expect("it is unsealed");
        });
    });
    group.bench_function("page", |b| b.iter(page));
    group.bench_function("page behind a write", |b| {
        b.iter_batched(
            || runtime.block_on(put(&node, ["name-050000-more".to_owned()].into_iter())),
            |()| page(),
            criterion::BatchSize::PerIteration,
        );
    });
    group.bench_function("whole", |b| b.iter(|| view(&node).list(&folder()).expect("it is at hand")));
    group.finish();
}

criterion_group!(benches, listing);
criterion_main!(benches);
