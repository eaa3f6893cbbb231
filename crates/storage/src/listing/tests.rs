use std::sync::atomic::AtomicU64;

use proptest::prelude::*;

use super::*;
use crate::{
    Clear, Latches, MemoryStore, Millis, OpenBatch, Path, PathKey, Read, RequestId, SealError, Sealer, Seg, Term,
    TxnState, View,
};

const SMALL_HERE: usize = 3;

struct Bench {
    store: OpenStore,
    listings: Arc<Listings>,
    ids: AtomicU64,
}

fn space() -> Path {
    Path::root(Class::Replicated).join(&PathKey::kind("space"))
}

fn names(path: &str) -> PathKey {
    PathKey::kind("meta").names(path)
}

impl Bench {
    fn new(bytes_max: usize) -> Self {
        Self::sealed_by(Arc::new(Clear), bytes_max)
    }

    fn sealed_by(sealer: Arc<dyn Sealer>, bytes_max: usize) -> Self {
        let store = OpenStore::new(Arc::new(MemoryStore::default()), sealer);
        Self { store, listings: Arc::new(Listings::new(bytes_max, SMALL_HERE)), ids: AtomicU64::default() }
    }

    async fn write(&self, write: impl FnOnce(&mut crate::Txn)) {
        let mut state = TxnState::new(self.store.snapshot().unwrap(), Latches::new().begin());
        write(&mut state.at(space()));
        let batch = OpenBatch { checks: Vec::new(), ..state.finish().0 };
        let id = RequestId { applied: self.ids.fetch_add(1, Ordering::Relaxed), random: [0; 16] };
        let batch = self.store.seal(id, Millis(1), batch).unwrap();
        self.store.commit(Term(1), batch).await.unwrap();
    }

    async fn put(&self, paths: impl IntoIterator<Item = String>) {
        self.write(|txn| paths.into_iter().for_each(|path| txn.put(&names(&path), "x").unwrap())).await;
    }

    async fn many(&self, folder: &str, count: usize) {
        self.put((0..count).map(|n| format!("{folder}/{n:06}"))).await;
    }

    fn view(&self) -> View {
        View::new(self.store.snapshot().unwrap(), space())
    }

    fn listed(&self) -> View {
        self.view().listed_by(&self.listings)
    }

    /// As the pipeline does it.
    fn page(&self, folder: &str, after: Option<&str>, limit: usize) -> Vec<String> {
        for _ in 0..3 {
            match self.listed().page(&names(folder), after, limit) {
                Err(crate::Access::Unlisted(folder)) => self.listings.make(&self.store, &folder).unwrap(),
                other => return other.unwrap(),
            }
        }
        panic!("it is not at hand although it was made");
    }

    fn is_at_hand(&self, folder: &str) -> bool {
        self.listed().list(&names(folder)).is_ok()
    }
}

#[tokio::test]
async fn a_small_folder_is_read_and_a_large_one_is_to_be_made_first() {
    let bench = Bench::new(1 << 20);
    bench.many("small", SMALL_HERE).await;
    bench.many("large", SMALL_HERE + 1).await;
    assert_eq!(bench.listed().list(&names("small")).unwrap().len(), SMALL_HERE);
    assert!(matches!(bench.listed().list(&names("large")), Err(crate::Access::Unlisted(_))));
    assert_eq!(bench.listings.size(), (0, 0));
    assert_eq!(bench.page("large", None, usize::MAX), ["000000", "000001", "000002", "000003"]);
    assert_eq!(bench.page("large", Some("000001x"), 1), ["000002"], "what it begins behind need not exist");
    assert_eq!(bench.page("large", Some("000003"), 1), [""; 0]);
    assert_eq!(bench.listings.size().1, 1);
}

#[tokio::test]
async fn some_are_forgotten_and_the_others_stay() {
    let bench = Bench::new(1 << 20);
    for folder in ["one", "other"] {
        bench.many(folder, 5).await;
        bench.page(folder, None, 1);
    }
    let before = bench.listings.size();
    bench.listings.forget(|folder| folder.ends_with(b"one"));
    assert_eq!((bench.is_at_hand("one"), bench.is_at_hand("other")), (false, true));
    assert!(bench.listings.size().0 < before.0);
    assert_eq!(bench.page("one", None, usize::MAX).len(), 5);
}

#[tokio::test]
async fn names_are_listed_as_they_are_shown() {
    let bench = Bench::new(1 << 20);
    bench.put(["a", "a/x", "a-b", "a.b", "a0", "B", "ä"].map(|name| format!("f/{name}"))).await;
    let expected = ["B", "a", "a-b", "a.b", "a/", "a0", "ä"];
    assert_eq!(bench.view().list(&names("f")).unwrap(), expected);
    assert_eq!(bench.page("f", None, usize::MAX), expected);
    assert_eq!(bench.page("f", Some("a.b"), 2), ["a/", "a0"]);
    assert_eq!(bench.view().page(&names("f"), Some("a.b"), 2).unwrap(), ["a/", "a0"]);
}

#[tokio::test]
async fn a_snapshot_is_shown_what_it_holds_however_old_it_is() {
    let bench = Bench::new(1 << 20);
    bench.many("f", 5).await;
    bench.page("f", None, 1);
    let before = bench.listed();
    bench.put(["f/new".to_owned()]).await;
    let between = bench.listed();
    bench.write(|txn| txn.delete(&names("f/000000"))).await;
    assert_eq!(before.list(&names("f")).unwrap().len(), 5);
    assert!(between.list(&names("f")).unwrap().contains(&"new".to_owned()));
    let now = bench.listed().list(&names("f")).unwrap();
    assert_eq!(now, ["000001", "000002", "000003", "000004", "new"]);
    // What was patched for a later one is not shown to it.
    assert!(matches!(before.list(&names("f")), Err(crate::Access::Unlisted(_))));
    bench.put(["elsewhere".to_owned()]).await;
    let later = bench.listed();
    bench.listed().list(&names("f")).unwrap();
    assert_eq!(later.list(&names("f")).unwrap(), now, "nothing has changed there");
}

#[tokio::test]
async fn what_changes_while_a_listing_is_made_is_not_missed() {
    let bench = Bench::new(1 << 20);
    bench.many("f", 10).await;
    let folder = match bench.listed().list(&names("f")) {
        Err(crate::Access::Unlisted(folder)) => folder,
        other => panic!("{other:?}"),
    };
    // As far as `make` has come when it begins to read.
    let snapshot = bench.store.snapshot().unwrap();
    let (slot, found, _) = bench.listings.enter(&snapshot, &folder);
    assert!(!found);
    bench.put(["f/first".to_owned()]).await;
    let reading = bench.store.snapshot().unwrap();
    bench.put(["f/second".to_owned()]).await;
    let names_read = bench.listings.read_names(&bench.store, &reading, &folder).unwrap().unwrap();
    assert!(matches!(bench.listed().list(&names("f")), Err(crate::Access::Unlisted(_))), "it is not made yet");
    let since = reading.state_revision();
    *slot.state.write() = State::Kept(Listing { names: names_read, since, patches: 0 });
    slot.marks.lock().seen(since.n);
    let listed = bench.listed().list(&names("f")).unwrap();
    assert_eq!(listed, bench.view().list(&names("f")).unwrap());
    assert_eq!(listed.len(), 12);
}

#[tokio::test]
async fn listings_fit_into_their_bytes_and_the_least_used_goes() {
    let one = {
        let bench = Bench::new(1 << 20);
        bench.many("a", 100).await;
        bench.page("a", None, 1);
        bench.listings.size().0
    };
    let bench = Bench::new(one * 2 + one / 2);
    for folder in ["a", "b", "c"] {
        bench.many(folder, 100).await;
    }
    bench.page("a", None, 1);
    bench.page("b", None, 1);
    bench.page("a", None, 1);
    bench.page("c", None, 1);
    assert!(bench.listings.size().0 <= one * 2 + one / 2);
    assert_eq!(bench.listings.size().1, 2);
    assert!(bench.is_at_hand("a") && bench.is_at_hand("c") && !bench.is_at_hand("b"));
    bench.many("a", 300).await;
    assert_eq!(bench.page("a", None, usize::MAX).len(), 300);
    assert!(bench.listings.size().0 <= one * 2 + one / 2, "also when one grows");

    bench.many("huge", 1000).await;
    assert_eq!(bench.page("huge", Some("000998"), 9), ["000999"], "what fits nowhere is read each time");
    assert!(bench.listings.size().0 <= one * 2 + one / 2);
    let before = bench.listings.size();
    bench.put((0..50).map(|n| format!("huge/more-{n}"))).await;
    bench.listings.keep_up(&bench.store).unwrap();
    assert_eq!(bench.listings.size(), before, "and what changes in it is not collected");
}

#[tokio::test]
async fn changes_that_nobody_reads_fit_into_the_same_bytes() {
    const MOST: usize = 64 << 10;
    let bench = Bench::new(MOST);
    bench.many("a", 100).await;
    bench.page("a", None, 1);
    for n in 0..20 {
        let long = format!("{n}").repeat(4000);
        bench.put([format!("a/{long}")]).await;
        bench.listings.keep_up(&bench.store).unwrap();
        assert!(bench.listings.size().0 <= MOST);
    }
    assert_eq!(bench.page("a", None, usize::MAX), bench.view().list(&names("a")).unwrap());
}

/// Without a folder among them, a slash at the end is a part of the name.
#[tokio::test]
async fn a_record_is_not_taken_for_the_folder_of_another() {
    let bench = Bench::new(1 << 20);
    bench.many("f", 5).await;
    for name in ["x", "x/"] {
        bench.write(|txn| txn.put(&names("f").name(name), "a record").unwrap()).await;
    }
    bench.page("f", None, 1);
    assert!(bench.is_at_hand("f"));
    bench.write(|txn| txn.put(&names("f").name("x"), "another").unwrap()).await;
    let listed = bench.page("f", None, usize::MAX);
    assert!(listed.iter().any(|name| name == "x/"), "{listed:?}");
    assert_eq!(listed, bench.view().list(&names("f")).unwrap());
    bench.write(|txn| txn.delete(&names("f").name("x/"))).await;
    assert_eq!(bench.page("f", None, usize::MAX), bench.view().list(&names("f")).unwrap());
}

#[tokio::test]
async fn too_many_changes_and_an_emptied_folder_cost_the_listing_and_nothing_else() {
    let bench = Bench::new(1 << 24);
    bench.many("f", 10).await;
    bench.page("f", None, 1);
    bench.many("f", PATCH_MAX + 1).await;
    assert!(!bench.is_at_hand("f"), "more than a reader looks at by itself");
    assert_eq!(bench.page("f", None, usize::MAX).len(), PATCH_MAX + 1);
    assert!(bench.is_at_hand("f"));
    for n in 0..=MARKS_MAX / 1000 {
        bench.many("f", (n + 1) * 1000).await;
        bench.listings.keep_up(&bench.store).unwrap();
    }
    assert_eq!(bench.listings.size(), (0, 0));
    assert_eq!(bench.page("f", None, usize::MAX).len(), (MARKS_MAX / 1000 + 1) * 1000);
    bench.write(|txn| txn.delete_folder(&names("f"))).await;
    assert_eq!(bench.listed().list(&names("f")).unwrap(), [""; 0]);
    assert_eq!(bench.listings.size(), (0, 0));
}

#[tokio::test]
async fn whoever_has_not_heard_for_long_forgets_everything() {
    let bench = Bench::new(1 << 20);
    bench.many("f", 10).await;
    bench.page("f", None, 1);
    for n in 0..5000 {
        bench.put([format!("elsewhere/{}", n % 7)]).await;
    }
    bench.put(["f/last".to_owned()]).await;
    assert!(!bench.is_at_hand("f"));
    assert_eq!(bench.page("f", Some("000009"), 9), ["last"]);
    for n in 0..5000 {
        bench.put([format!("elsewhere/{}", n % 7)]).await;
        if n % 1000 == 0 {
            bench.listings.keep_up(&bench.store).unwrap();
        }
    }
    assert!(bench.is_at_hand("f"), "who keeps up does not");
}

#[tokio::test]
async fn names_that_cannot_be_told_apart_are_read_each_time() {
    let bench = Bench::new(1 << 20);
    bench.many("f", 5).await;
    let folder = names("f");
    bench
        .write(|txn| {
            txn.put(&folder.clone().name("x/"), "a record").unwrap();
            txn.put(&folder.clone().name("x").name("y"), "in a folder").unwrap();
        })
        .await;
    let listed = bench.page("f", None, usize::MAX);
    assert_eq!(listed.iter().filter(|name| *name == "x/").count(), 2);
    bench.write(|txn| txn.delete(&folder.clone().name("x/"))).await;
    assert_eq!(bench.page("f", None, usize::MAX), bench.view().list(&folder).unwrap());
    for bad in [Seg::Plain(b"000000".to_vec()), Seg::Name(vec![0xff])] {
        let bench = Bench::new(1 << 20);
        bench.many("f", 5).await;
        bench.page("f", None, 1);
        bench
            .write(|txn| {
                let key = match &bad {
                    Seg::Plain(bytes) => folder.clone().plain(bytes),
                    Seg::Name(bytes) => folder.clone().name(bytes),
                };
                txn.put(&key, "x").unwrap();
            })
            .await;
        assert_eq!(bench.page("f", None, usize::MAX), bench.view().list(&folder).unwrap());
    }
}

/// Opens names until it is sealed.
#[derive(Default)]
struct Lock(std::sync::atomic::AtomicBool);

impl Sealer for Lock {
    fn seal_name(&self, before: &[u8], name: &[u8]) -> Result<Vec<u8>, SealError> {
        Clear.seal_name(before, name)
    }
    fn open_name(&self, before: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        if self.0.load(Ordering::Relaxed) { Err(SealError::Sealed) } else { Clear.open_name(before, sealed) }
    }
    fn seal_value(&self, key: &RawKey, value: &[u8]) -> Result<Vec<u8>, SealError> {
        Clear.seal_value(key, value)
    }
    fn open_value(&self, key: &RawKey, sealed: &[u8]) -> Result<zeroize::Zeroizing<Vec<u8>>, SealError> {
        Clear.open_value(key, sealed)
    }
}

#[tokio::test]
async fn sealing_leaves_nothing_and_makes_nothing() {
    let lock = Arc::new(Lock::default());
    let bench = Bench::sealed_by(Arc::clone(&lock) as _, 1 << 20);
    bench.many("f", 10).await;
    bench.page("f", None, 1);
    bench.put(["f/more".to_owned()]).await;
    lock.0.store(true, Ordering::Relaxed);
    assert!(matches!(bench.listed().list(&names("f")), Err(crate::Access::Sealed)));
    bench.listings.clear();
    assert_eq!(bench.listings.size(), (0, 0));
    let Err(crate::Access::Unlisted(folder)) = bench.listed().list(&names("f")) else { panic!("nothing is kept") };
    assert!(bench.listings.make(&bench.store, &folder).is_err());
    assert_eq!(bench.listings.size(), (0, 0), "one that could not be made is not waited for");
    lock.0.store(false, Ordering::Relaxed);
    assert_eq!(bench.page("f", None, usize::MAX).len(), 11);
}

#[derive(Clone, Debug)]
enum Op {
    Put(usize),
    Delete(usize),
    Empty(usize),
    Hold,
    List(usize, usize, usize, usize),
    Make(usize),
    KeepUp,
    Clear,
    Replace,
}

/// Paths at three depths, few enough that they are met again.
fn path(n: usize) -> String {
    let folder = ["f", "f/a", "f/a/b", "g"][n % 4];
    format!("{folder}/{}", ["a", "a-", "b", "c", "d", "e0", "e.", "f", "g", "h"][n / 4 % 10])
}

fn op() -> impl Strategy<Value = Op> {
    let n = 0..40_usize;
    prop_oneof![
        12 => n.clone().prop_map(Op::Put),
        6 => n.clone().prop_map(Op::Delete),
        1 => (0..5_usize).prop_map(Op::Empty),
        3 => Just(Op::Hold),
        12 => (0..5_usize, n.clone(), 0..4_usize, 0..8_usize).prop_map(|(f, a, l, s)| Op::List(f, a, l, s)),
        6 => (0..5_usize).prop_map(Op::Make),
        2 => Just(Op::KeepUp),
        1 => Just(Op::Clear),
        1 => Just(Op::Replace),
    ]
}

fn folder(n: usize) -> PathKey {
    names(["", "f", "f/a", "f/a/b", "g"][n])
}

async fn follow(ops: &[Op], bytes_max: usize) -> (usize, usize) {
    let memory = Arc::new(MemoryStore::default());
    let store = OpenStore::new(Arc::clone(&memory) as _, Arc::new(Clear));
    let bench = Bench { store, listings: Arc::new(Listings::new(bytes_max, SMALL_HERE)), ids: AtomicU64::default() };
    bench.put((0..40).map(path)).await;
    let mut held = vec![bench.view()];
    let (mut served, mut refused) = (0, 0);
    for op in ops {
        match op {
            Op::Put(n) => bench.put([path(*n)]).await,
            Op::Delete(n) => bench.write(|txn| txn.delete(&names(&path(*n)))).await,
            // Emptied, and something put there again by the same batch.
            Op::Empty(n) => {
                bench
                    .write(|txn| {
                        txn.delete_folder(&folder(*n));
                        txn.put(&names("f/a/again"), "x").unwrap();
                    })
                    .await;
            }
            Op::Hold => held.push(bench.view()),
            Op::Make(n) => {
                let Ok(key) = raw(&folder(*n)) else { unreachable!() };
                bench.listings.make(&bench.store, &key).unwrap();
            }
            Op::KeepUp => bench.listings.keep_up(&bench.store).unwrap(),
            Op::Clear => bench.listings.clear(),
            Op::Replace => {
                let batch = crate::Batch::new(RequestId { applied: 0, random: [1; 16] }, Millis(1));
                memory.replace(Vec::new(), 3, batch);
                bench.put((0..30).map(path)).await;
            }
            Op::List(n, after, limit, which) => {
                let now = bench.view();
                let view = held.get(held.len().wrapping_sub(1 + which)).filter(|_| *which < 4).unwrap_or(&now);
                let after = (after % 3 > 0).then(|| path(*after).rsplit('/').next().unwrap().to_owned());
                let limit = [usize::MAX, 1, 2, 5][*limit];
                let key = folder(*n);
                let expected = view.page(&key, after.as_deref(), limit).unwrap();
                match view.clone().listed_by(&bench.listings).page(&key, after.as_deref(), limit) {
                    Ok(names) => {
                        assert_eq!(names, expected, "{op:?}");
                        served += 1;
                    }
                    Err(crate::Access::Unlisted(_)) => refused += 1,
                    Err(problem) => panic!("{problem}"),
                }
            }
        }
        let (bytes, folders) = bench.listings.size();
        assert!(bytes <= bytes_max + 20_000 && folders <= 5, "{bytes} bytes");
    }
    (served, refused)
}

fn raw(key: &PathKey) -> Result<RawKey, KeyError> {
    let mut raw = RawKey::root(Class::Replicated);
    for seg in space().join(key).segs() {
        match seg {
            Seg::Plain(bytes) => raw.push(SegKind::Plain, bytes)?,
            Seg::Name(bytes) => raw.push(SegKind::Sealed, bytes)?,
        }
    }
    Ok(raw)
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn a_listing_is_always_what_the_snapshot_holds(
        ops in prop::collection::vec(op(), 1..120),
        large in any::<bool>(),
    ) {
        run(follow(&ops, if large { 1 << 20 } else { 2500 }));
    }
}

#[test]
fn most_listings_of_the_property_are_served_from_memory() {
    let mut ops = Vec::new();
    for n in 0..200 {
        ops.extend([Op::Put(n % 40), Op::Make(n % 5), Op::List(n % 5, n, n % 4, 7), Op::Delete((n * 7) % 40)]);
    }
    let (served, refused) = run(follow(&ops, 1 << 20));
    assert!(served > 150 && refused < 50, "{served} served, {refused} refused");
}

/// Readers and a maker against a writer that does not wait for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_beside_writers_see_their_own_snapshot() {
    let bench = Arc::new(Bench::new(1 << 20));
    bench.many("f", 50).await;
    let done = Arc::new(std::sync::atomic::AtomicBool::default());
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (bench, done) = (Arc::clone(&bench), Arc::clone(&done));
            tokio::task::spawn_blocking(move || {
                let mut served = 0;
                while !done.load(Ordering::Relaxed) || served == 0 {
                    let view = bench.view();
                    let expected = view.list(&names("f")).unwrap();
                    match view.listed_by(&bench.listings).list(&names("f")) {
                        Ok(listed) => {
                            assert_eq!(listed, expected);
                            served += 1;
                        }
                        Err(crate::Access::Unlisted(folder)) => bench.listings.make(&bench.store, &folder).unwrap(),
                        Err(problem) => panic!("{problem}"),
                    }
                }
                served
            })
        })
        .collect();
    for n in 0..3000_usize {
        let name = names(&format!("f/{:06}", n * 31 % 97));
        if n % 3 == 0 {
            bench.write(|txn| txn.delete(&name)).await;
        } else {
            bench.write(|txn| txn.put(&name, "x").unwrap()).await;
        }
    }
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        assert!(reader.await.unwrap() > 0);
    }
}
