//! What every [`SealedStore`] must do. Call [`run`] with a function that makes an empty store and the term in which
//! it takes writes.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;

use crate::{
    Batch, Check, Class, CommitError, CounterChange, CounterOp, Epoch, Millis, Ran, RawKey, RequestId, SealedStore,
    SegKind, Step, Term, Value,
};

pub async fn run<F, Fut>(mut make: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = (Arc<dyn SealedStore>, Term)>,
{
    let cases: [fn(Subject) -> Case; 7] =
        [writes_and_revisions, changes, counters_and_floors, ranges_and_walks, checks_fence, ids_run_once, bounds];
    for (ids, case) in (1..).zip(cases) {
        let (store, term) = make().await;
        case(Subject { store, term, ids }).await;
    }
}

struct Subject {
    store: Arc<dyn SealedStore>,
    term: Term,
    ids: u8,
}

type Case = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

impl Subject {
    fn batch(&self, n: u8) -> Batch {
        let mut random = [self.ids; 16];
        random[0] = n;
        Batch::new(RequestId { applied: self.store.applied(), random }, Millis(1_000 + u64::from(n)))
    }

    fn get(&self, key: &RawKey) -> Option<Value> {
        self.store.snapshot().unwrap().get(key).unwrap().map(|s| s.value)
    }
}

fn key(parts: &[&str]) -> RawKey {
    classed(Class::Replicated, parts)
}

fn classed(class: Class, parts: &[&str]) -> RawKey {
    let mut key = RawKey::root(class);
    for part in parts {
        key.push(SegKind::Plain, part.as_bytes()).unwrap();
    }
    key
}

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn writes_and_revisions(s: Subject) -> Case {
    Box::pin(async move {
        let before = s.store.snapshot().unwrap();
        let mut batch = s.batch(1);
        batch.puts.push((key(&["a"]), bytes("one")));
        batch.puts.push((classed(Class::Local, &["a"]), bytes("local")));
        let first = s.store.commit(s.term, batch).await.unwrap();
        assert_eq!(s.get(&key(&["a"])), Some(Value::Bytes(bytes("one"))));
        assert_eq!(s.get(&classed(Class::Local, &["a"])), Some(Value::Bytes(bytes("local"))));
        assert_eq!(before.get(&key(&["a"])).unwrap(), None, "a snapshot does not move");

        let after = s.store.snapshot().unwrap();
        assert_eq!(after.revision(), first.revision);
        assert_eq!(after.get(&key(&["a"])).unwrap().unwrap().revision, first.revision);

        let mut local = s.batch(2);
        local.puts.push((classed(Class::Local, &["b"]), bytes("x")));
        let second = s.store.commit(s.term, local).await.unwrap();
        assert_eq!(second.revision, first.revision, "cluster-local writes leave the revision alone");
        assert!(second.index > first.index);

        let mut third = s.batch(3);
        third.deletes.push(key(&["a"]));
        let third = s.store.commit(s.term, third).await.unwrap();
        assert_eq!(third.revision, first.revision.next());
        assert_eq!(s.get(&key(&["a"])), None);
        assert_eq!(s.store.applied(), third.index);
    })
}

/// A snapshot says what has led from an earlier one to it, and nothing that came later.
fn changes(s: Subject) -> Case {
    Box::pin(async move {
        let before = s.store.snapshot().unwrap();
        let mut batch = s.batch(1);
        batch.puts.push((key(&["put"]), bytes("x")));
        batch.puts.push((classed(Class::Local, &["put"]), bytes("local")));
        batch.deletes.push(key(&["deleted"]));
        batch.counters.push(CounterChange { key: key(&["counted"]), op: CounterOp::Set(1) });
        batch.prefix_deletes.push(key(&["emptied"]));
        s.store.commit(s.term, batch).await.unwrap();
        let between = s.store.snapshot().unwrap();
        let mut local = s.batch(2);
        local.puts.push((classed(Class::Local, &["put"]), bytes("again")));
        s.store.commit(s.term, local).await.unwrap();
        let mut batch = s.batch(3);
        batch.puts.push((key(&["later"]), bytes("x")));
        s.store.commit(s.term, batch).await.unwrap();
        let after = s.store.snapshot().unwrap();

        let first = between.changes_since(before.revision()).unwrap();
        let [(n, change)] = &first[..] else { panic!("one change: {first:?}") };
        assert_eq!(*n, between.revision().n);
        let mut keys = change.keys.to_vec();
        keys.sort();
        assert_eq!(keys, [key(&["put"]), key(&["counted"]), key(&["deleted"])]);
        assert_eq!(change.prefixes[..], [key(&["emptied"])]);
        let both = after.changes_since(before.revision()).unwrap();
        assert_eq!(both.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [*n, after.revision().n]);
        assert_eq!(both[1].1.keys[..], [key(&["later"])]);
        assert_eq!(after.changes_since(after.revision()).unwrap(), []);
        assert_eq!(between.changes_since(after.revision()), None, "it is older");
    })
}

fn counters_and_floors(s: Subject) -> Case {
    Box::pin(async move {
        let change = |op| CounterChange { key: key(&["uses"]), op };
        let mut batch = s.batch(1);
        batch.counters.push(change(CounterOp::Set(2)));
        assert_eq!(s.store.commit(s.term, batch).await.unwrap().counters, [2]);
        for (n, left) in [(2, 1), (3, 0)] {
            let mut batch = s.batch(n);
            batch.counters.push(change(CounterOp::Add { by: -1, floor: 0 }));
            assert_eq!(s.store.commit(s.term, batch).await.unwrap().counters, [left]);
        }
        let mut batch = s.batch(4);
        batch.counters.push(change(CounterOp::Add { by: -1, floor: 0 }));
        batch.puts.push((key(&["beside"]), bytes("x")));
        let refused = s.store.commit(s.term, batch).await.unwrap_err();
        assert_eq!(refused, CommitError::Floor { key: key(&["uses"]) });
        assert_eq!(s.get(&key(&["beside"])), None, "the floor fails the whole batch");
        assert_eq!(s.get(&key(&["uses"])), Some(Value::Counter(0)));

        let mut absent = s.batch(5);
        absent.counters.push(CounterChange { key: key(&["none"]), op: CounterOp::Add { by: 1, floor: 0 } });
        assert_eq!(
            s.store.commit(s.term, absent).await.unwrap_err(),
            CommitError::Floor { key: key(&["none"]) },
            "a counter that was deleted does not come back by counting"
        );
    })
}

fn ranges_and_walks(s: Subject) -> Case {
    Box::pin(async move {
        let mut batch = s.batch(1);
        for name in [&["f", "a"][..], &["f", "a", "x"], &["f", "b"], &["f", "c", "y"], &["g", "z"]] {
            batch.puts.push((key(name), bytes("v")));
        }
        s.store.commit(s.term, batch).await.unwrap();
        let walk = |from: Option<RawKey>, limit: usize| {
            let mut seen = Vec::new();
            let snapshot = s.store.snapshot().unwrap();
            snapshot
                .walk(&key(&["f"]), from.as_ref().map(RawKey::as_bytes), &mut |k, _| {
                    seen.push(RawKey::parse(k.to_vec()).unwrap());
                    Ok(if seen.len() == limit { Step::Stop } else { Step::Next })
                })
                .unwrap();
            seen
        };
        let all = [key(&["f", "a"]), key(&["f", "a", "x"]), key(&["f", "b"]), key(&["f", "c", "y"])];
        assert_eq!(walk(None, 99), all);
        assert_eq!(walk(None, 2), all[..2]);
        assert_eq!(walk(Some(key(&["f", "b"])), 99), all[2..]);

        let mut seen = Vec::new();
        let snapshot = s.store.snapshot().unwrap();
        snapshot
            .walk(&key(&["f"]), None, &mut |k, _| {
                seen.push(k.to_vec());
                Ok(Step::Seek(key(&["f", "c"]).into_bytes()))
            })
            .unwrap();
        assert_eq!(seen, [all[0].as_bytes(), all[3].as_bytes()], "seeking skips, and never stands still");

        let mut range = s.batch(2);
        range.prefix_deletes.push(key(&["f"]));
        range.puts.push((key(&["f", "new"]), bytes("kept")));
        s.store.commit(s.term, range).await.unwrap();
        assert_eq!(walk(None, 99), [key(&["f", "new"])], "a range goes before the same batch's puts");
        assert_eq!(s.get(&key(&["g", "z"])), Some(Value::Bytes(bytes("v"))));
    })
}

fn checks_fence(s: Subject) -> Case {
    Box::pin(async move {
        let mut batch = s.batch(1);
        batch.checks.push(Check { key: key(&["a"]), revision: None });
        batch.puts.push((key(&["a"]), bytes("one")));
        let first = s.store.commit(s.term, batch).await.unwrap();

        let mut again = s.batch(2);
        again.checks.push(Check { key: key(&["a"]), revision: None });
        again.puts.push((key(&["a"]), bytes("two")));
        assert_eq!(s.store.commit(s.term, again).await.unwrap_err(), CommitError::Conflict { key: key(&["a"]) });
        assert_eq!(s.get(&key(&["a"])), Some(Value::Bytes(bytes("one"))));

        let mut right = s.batch(3);
        right.checks.push(Check { key: key(&["a"]), revision: Some(first.revision) });
        right.puts.push((key(&["a"]), bytes("three")));
        let third = s.store.commit(s.term, right).await.unwrap();
        assert_eq!(third.revision, first.revision.next(), "a refused batch leaves the revision alone");

        let epoch = s.store.snapshot().unwrap().revision().epoch;
        let mut elsewhere = s.batch(4);
        elsewhere.epoch = Some(Epoch { number: epoch.number + 1, ..epoch });
        elsewhere.puts.push((key(&["a"]), bytes("four")));
        let refused = s.store.commit(s.term, elsewhere).await.unwrap_err();
        assert!(matches!(refused, CommitError::Conflict { .. }), "it read from another line of history: {refused}");
        let mut here = s.batch(5);
        here.epoch = Some(epoch);
        here.puts.push((key(&["a"]), bytes("five")));
        s.store.commit(s.term, here).await.unwrap();
    })
}

fn ids_run_once(s: Subject) -> Case {
    Box::pin(async move {
        let mut batch = s.batch(1);
        batch.counters.push(CounterChange { key: key(&["n"]), op: CounterOp::Set(5) });
        batch.outcome = Some(bytes("answer"));
        let committed = s.store.commit(s.term, batch.clone()).await.unwrap();
        let mut later = s.batch(1);
        later.puts.push((key(&["a"]), bytes("since")));
        s.store.commit(s.term, later).await.unwrap();
        let mut changed = batch.clone();
        changed.counters[0].op = CounterOp::Set(9);
        assert_eq!(
            s.store.commit(s.term, changed).await.unwrap_err(),
            CommitError::Repeated(Ran { revision: committed.revision, answer: Some(bytes("answer")) })
        );
        assert_eq!(s.get(&key(&["n"])), Some(Value::Counter(5)));
    })
}

fn bounds(s: Subject) -> Case {
    Box::pin(async move {
        let mut batch = s.batch(1);
        batch.puts.push((key(&["big"]), Bytes::from(vec![0; 9 * 1024 * 1024])));
        let refused = s.store.commit(s.term, batch).await.unwrap_err();
        assert!(matches!(refused, CommitError::TooLarge { .. }), "{refused:?}");
        assert_eq!(s.get(&key(&["big"])), None);
    })
}
