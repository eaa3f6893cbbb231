//! What the open contract promises over any sealed store and any sealer.

use std::sync::Arc;

use crate::{
    Class, Latches, Millis, OpenStore, Path, PathKey, Read, RequestId, SealedStore, Sealer, Term, TxnState, View,
};

pub async fn run(store: Arc<dyn SealedStore>, sealer: Arc<dyn Sealer>, term: Term) {
    let open = OpenStore::new(store, sealer);
    let latches = Latches::new();
    let space = Path::root(Class::Replicated).join(&PathKey::kind("space"));
    let mut ids = 0_u8;
    let mut id = || {
        ids += 1;
        RequestId { applied: 0, random: [ids; 16] }
    };

    let mut state = TxnState::new(open.snapshot().unwrap(), latches.begin());
    let mut txn = state.at(space.clone());
    let folder = PathKey::kind("meta");
    for name in ["b", "a/x", "a/y/z", "a", "c/"] {
        txn.put(&folder.clone().names(name), name).unwrap();
    }
    assert_eq!(txn.list(&folder).unwrap(), ["a", "a/", "b", "c"], "a transaction sees its own writes");
    let (batch, held) = state.finish();
    let sealed = open.seal(id(), Millis(1), batch).unwrap();
    open.commit(term, sealed).await.unwrap();
    drop(held);

    let view = View::new(open.snapshot().unwrap(), space.clone());
    assert_eq!(view.get::<String>(&folder.clone().names("a/y/z")).unwrap().as_deref(), Some("a/y/z"));
    assert_eq!(view.list(&folder).unwrap(), ["a", "a/", "b", "c"]);
    assert_eq!(view.list(&folder.clone().names("a")).unwrap(), ["x", "y/"]);
    assert_eq!(view.list(&folder.clone().names("none")).unwrap(), [""; 0]);
    assert_eq!(view.elsewhere(Path::root(Class::Replicated)).get::<String>(&folder.clone().name("b")).unwrap(), None);

    let mut state = TxnState::new(open.snapshot().unwrap(), latches.begin());
    let mut txn = state.at(space.clone());
    assert_eq!(txn.get_for_update::<String>(&folder.clone().name("b")).unwrap().as_deref(), Some("b"));
    txn.put(&folder.clone().name("b"), "changed").unwrap();
    let (slow, _held) = state.finish();

    let mut state = TxnState::new(open.snapshot().unwrap(), Latches::new().begin());
    let mut txn = state.at(space.clone());
    txn.put(&folder.clone().name("b"), "faster").unwrap();
    txn.delete_folder(&folder.clone().name("a"));
    assert_eq!(txn.list(&folder).unwrap(), ["b", "c"]);
    txn.put(&folder.clone().names("c/deep/leaf"), "x").unwrap();
    txn.delete(&folder.clone().names("c/deep/leaf"));
    assert_eq!(txn.list(&folder).unwrap(), ["b", "c"], "a folder whose last record went is gone");
    let (fast, _) = state.finish();
    let fast = open.seal(id(), Millis(2), fast).unwrap();
    open.commit(term, fast).await.unwrap();

    let slow = open.seal(id(), Millis(3), slow).unwrap();
    let refused = open.commit(term, slow).await.unwrap_err();
    assert!(matches!(refused, crate::CommitError::Conflict { .. }), "{refused:?}");
    let view = View::new(open.snapshot().unwrap(), space);
    assert_eq!(view.get::<String>(&folder.clone().name("b")).unwrap().as_deref(), Some("faster"));
    assert_eq!(view.list(&folder).unwrap(), ["b", "c"]);

    let due = PathKey::kind("due");
    let index = Path::root(Class::Replicated).join(&PathKey::kind("index"));
    let mut state = TxnState::new(open.snapshot().unwrap(), latches.begin());
    let mut txn = state.at(index.clone());
    for n in [300, 20, 7] {
        txn.put(&due.clone().number(n).name("lease"), &n).unwrap();
    }
    let (batch, _held) = state.finish();
    let batch = open.seal(id(), Millis(4), batch).unwrap();
    open.commit(term, batch).await.unwrap();
    let view = View::new(open.snapshot().unwrap(), index);
    let times = |after: Option<&PathKey>, limit| {
        let found = view.range(&due, after, limit).unwrap();
        found.iter().map(|key| view.get::<u64>(key).unwrap().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(times(None, 10), [7, 20, 300], "plain segments keep their order");
    assert_eq!(times(None, 2), [7, 20]);
    assert_eq!(times(Some(&due.clone().number(20).name("lease")), 10), [300]);
}
