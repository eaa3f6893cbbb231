use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use storage::{
    Access, Batch, Clear, Latches, MemoryStore, Millis, Path, PathKey, Read, RequestId, SealError, Sealer, Term,
    TxnState, View,
};

use super::*;

/// Counts the names that each thread opens, and lets none be opened while it is shut.
#[derive(Default)]
struct Watched {
    opened: Mutex<BTreeMap<String, usize>>,
    shut: Mutex<bool>,
    turned: parking_lot::Condvar,
    broken: AtomicBool,
}

impl Watched {
    fn shut(&self, shut: bool) {
        *self.shut.lock() = shut;
        self.turned.notify_all();
    }
}

impl Sealer for Watched {
    fn seal_name(&self, before: &[u8], name: &[u8]) -> Result<Vec<u8>, SealError> {
        Clear.seal_name(before, name)
    }
    fn open_name(&self, before: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        assert!(!self.broken.load(Ordering::Relaxed), "a bug");
        let mut shut = self.shut.lock();
        self.turned.wait_while(&mut shut, |shut| *shut);
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        *self.opened.lock().entry(thread).or_default() += 1;
        Clear.open_name(before, sealed)
    }
    fn seal_value(&self, key: &RawKey, value: &[u8]) -> Result<Vec<u8>, SealError> {
        Clear.seal_value(key, value)
    }
    fn open_value(&self, key: &RawKey, sealed: &[u8]) -> Result<zeroize::Zeroizing<Vec<u8>>, SealError> {
        Clear.open_value(key, sealed)
    }
}

struct Bench {
    sealer: Arc<Watched>,
    store: OpenStore,
    lister: Lister,
}

const NAMES: usize = 20_000;

fn folder() -> PathKey {
    PathKey::kind("large")
}

impl Bench {
    async fn new() -> Self {
        let sealer = Arc::new(Watched::default());
        let store = OpenStore::new(Arc::new(MemoryStore::default()), Arc::clone(&sealer) as _);
        for part in 0..NAMES / 2000 {
            let mut state = TxnState::new(store.snapshot().unwrap(), Latches::new().begin());
            let mut txn = state.at(Path::root(storage::Class::Replicated));
            for n in 0..2000 {
                txn.put_bytes(&folder().name(format!("{:06}", part * 2000 + n)), b"x");
            }
            let id = RequestId { applied: part as u64, random: [0; 16] };
            let batch: Batch = store.seal(id, Millis(1), state.finish().0).unwrap();
            store.commit(Term(1), batch).await.unwrap();
        }
        let lister = Lister::new(store.clone(), Arc::default());
        Self { sealer, store, lister }
    }

    fn page(&self) -> Result<Vec<String>, Access> {
        let view = View::new(self.store.snapshot().unwrap(), Path::root(storage::Class::Replicated));
        view.listed_by(&self.lister.listings).page(&folder(), Some("012345"), 2)
    }

    fn unlisted(&self) -> RawKey {
        match self.page() {
            Err(Access::Unlisted(folder)) => folder,
            other => panic!("{other:?}"),
        }
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

#[tokio::test]
async fn a_large_folder_is_read_on_the_listing_thread_alone() {
    let bench = Bench::new().await;
    let folder = bench.unlisted();
    bench.lister.make(&folder, soon()).await.unwrap();
    assert_eq!(bench.page().unwrap(), ["012346", "012347"]);
    let opened = bench.sealer.opened.lock().clone();
    assert_eq!(opened, BTreeMap::from([("listing".to_owned(), NAMES)]));
}

#[tokio::test]
async fn who_asks_for_what_is_being_made_waits_for_it() {
    let bench = Bench::new().await;
    let folder = bench.unlisted();
    bench.sealer.shut(true);
    let late = bench.lister.make(&folder, Instant::now()).await.unwrap_err();
    assert_eq!(late.status(), 503, "its deadline comes first: {late}");
    let (first, second, ()) =
        futures::join!(bench.lister.make(&folder, soon()), bench.lister.make(&folder, soon()), async {
            bench.sealer.shut(false)
        });
    first.unwrap();
    second.unwrap();
    assert_eq!(bench.page().unwrap().len(), 2);
    assert_eq!(bench.sealer.opened.lock()["listing"], NAMES, "it was made once");
    assert!(bench.lister.making.lock().is_empty());
}

#[tokio::test]
async fn more_folders_than_may_wait_are_refused() {
    let bench = Bench::new().await;
    let folder = bench.unlisted();
    bench.sealer.shut(true);
    bench.lister.join(&folder).unwrap();
    let others = (0..).map(|n: u32| {
        let mut other = folder.clone();
        other.push(storage::SegKind::Plain, &n.to_be_bytes()).unwrap();
        bench.lister.join(&other)
    });
    let taken = others.take(WAITING + 2).take_while(Result::is_ok).count();
    assert!((WAITING - 1..=WAITING).contains(&taken), "{taken}");
    let refused = bench.lister.join(&folder.clone().plain("one more")).unwrap_err();
    assert_eq!(refused.status(), 503);
    bench.lister.join(&folder).unwrap();
    bench.sealer.shut(false);
    bench.lister.make(&folder, soon()).await.unwrap();
}

#[tokio::test]
async fn a_panic_is_an_error_of_that_request_and_the_next_is_served() {
    let bench = Bench::new().await;
    let folder = bench.unlisted();
    bench.sealer.broken.store(true, Ordering::Relaxed);
    assert_eq!(bench.lister.make(&folder, soon()).await.unwrap_err().status(), 500);
    bench.sealer.broken.store(false, Ordering::Relaxed);
    bench.lister.make(&folder, soon()).await.unwrap();
    assert_eq!(bench.page().unwrap().len(), 2);
}
