use std::cell::Cell;

use storage::{Class, Clear, Latches, MemoryStore, Millis, OpenStore, RequestId, Term, Txn, TxnState};

use super::*;

struct Place(OpenStore);

impl Place {
    fn new() -> Self {
        Self(OpenStore::new(Arc::new(MemoryStore::default()), Arc::new(Clear)))
    }

    async fn put(&self, name: &str, value: &str) {
        self.change(|txn| txn.put(&key(name), &value).unwrap()).await;
    }

    async fn change(&self, write: impl FnOnce(&mut Txn)) {
        let mut state = TxnState::new(self.0.snapshot().unwrap(), Latches::new().begin());
        write(&mut state.at(space()));
        let id = RequestId { applied: self.0.applied(), random: [0; 16] };
        let batch = self.0.seal(id, Millis(1), state.finish().0).unwrap();
        self.0.commit(Term(1), batch).await.unwrap();
    }

    fn view(&self) -> View {
        View::new(self.0.snapshot().unwrap(), space())
    }
}

fn space() -> Path {
    Path::root(Class::Replicated)
}

fn key(name: &str) -> PathKey {
    PathKey::kind("record").name(name)
}

#[tokio::test]
async fn a_record_is_decoded_once_at_each_revision() {
    let (place, kept) = (Place::new(), Kept::new(8));
    let decoded = Cell::new(0);
    let read = |view: &View| {
        let decode = |bytes: &[u8]| {
            decoded.set(decoded.get() + 1);
            Ok(bytes.to_vec())
        };
        kept.read(view, &key("a"), decode).unwrap()
    };
    assert!(read(&place.view()).is_none());
    place.put("a", "first").await;
    let old = place.view();
    let first = read(&old).unwrap();
    assert_eq!((&first, decoded.get()), (&read(&place.view()).unwrap(), 1));
    place.put("a", "other").await;
    assert_ne!(first, read(&place.view()).unwrap());
    // Whoever still reads the state of before gets what was there then.
    assert_eq!(first, read(&old).unwrap());
}

#[tokio::test]
async fn a_record_that_is_gone_is_kept_no_more() {
    let (place, kept) = (Place::new(), Kept::new(8));
    place.put("a", "first").await;
    let read = |view: &View| kept.read(view, &key("a"), |bytes| Ok(bytes.to_vec())).unwrap();
    assert!(read(&place.view()).is_some() && kept.held() == 1);
    place.change(|txn| txn.delete(&key("a"))).await;
    assert!(read(&place.view()).is_none() && kept.held() == 0);
}

#[tokio::test]
async fn who_began_to_read_before_all_was_forgotten_keeps_nothing() {
    let (place, kept) = (Place::new(), Kept::new(8));
    place.put("a", "first").await;
    let read = kept.read(&place.view(), &key("a"), |bytes| {
        kept.forget(Forget::All);
        Ok(bytes.to_vec())
    });
    assert!(read.unwrap().is_some());
    assert_eq!(kept.held(), 0);
    kept.read(&place.view(), &key("a"), |bytes| Ok(bytes.to_vec())).unwrap();
    assert_eq!(kept.held(), 1);
}

#[tokio::test]
async fn what_is_of_another_keyring_is_not_forgotten() {
    let (place, kept) = (Place::new(), Kept::new(8));
    let namespaces = ["aaaaAAAA-aaaaAAAA", "bbbbBBBB-aaaaAAAA", "ccccCCCC-ccccCCCC", "aaaaAAAA", ""];
    let records = namespaces.map(|id| PathKey::kind(id).plain("core").name("x"));
    place.change(|txn| records.iter().for_each(|key| txn.put(key, &1).unwrap())).await;
    let read = |key: &PathKey| kept.read(&place.view(), key, |bytes| Ok(bytes.to_vec())).unwrap();
    records.iter().for_each(|key| assert!(read(key).is_some()));
    kept.forget(Forget::Keyring("aaaaAAAA"));
    let held = |key: &PathKey| kept.items.peek(&place.view().path(key)).is_some();
    assert_eq!(records.each_ref().map(held), [false, false, true, true, true]);
    kept.forget(Forget::All);
    assert_eq!(kept.held(), 0);
}

#[tokio::test]
async fn no_more_is_kept_than_was_said() {
    let (place, kept) = (Place::new(), Kept::new(3));
    for name in ["a", "b", "c", "d", "e", "f"] {
        place.put(name, "record").await;
        kept.read(&place.view(), &key(name), |bytes| Ok(bytes.to_vec())).unwrap();
    }
    assert!((1..=3).contains(&kept.held()));
}
