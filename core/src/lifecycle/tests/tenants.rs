//! Keys of namespaces, from one member to another of the same state.

use barrier::SealConfig;
use sdk::{Namespace, NamespaceId};

use super::*;
use crate::lifecycle::tenant_keys::QUESTION;
use crate::namespace::NewNamespace;

struct Pair {
    active: Arc<Node>,
    other: Arc<Node>,
}

impl Pair {
    /// `active` can be asked for keys, and `other` asks.
    async fn new() -> Self {
        let state = Arc::new(Alone::default());
        let new = || Node::new(Arc::clone(&state) as _, Settings::new(LIMITS));
        let pair = Self { active: new(), other: new() };
        let made = initialised(&pair.active, 1, 1).await;
        for node in [&pair.active, &pair.other] {
            node.unseal(Share::from_slice(&made.shares[0])).await.unwrap();
        }
        state.has_another(&pair.active);
        pair
    }

    async fn change<T>(&self, write: impl FnOnce(&mut storage::Txn) -> T) -> T {
        let mut state = TxnState::new(self.active.store.snapshot().unwrap(), Latches::new().begin());
        let out = write(&mut state.at(space::records(&NamespaceId::root())));
        let (open, _latches) = state.finish();
        let id = RequestId { applied: 0, random: crypto::random() };
        let batch = self.active.store.seal(id, Millis(1), open).unwrap();
        self.active.store.commit(Term(1), batch).await.unwrap();
        out
    }

    /// Open at the active node alone.
    async fn make(&self, name: &str) -> NamespaceId {
        let seal = Some(SealConfig::shamir(1, 1, String::new()).unwrap());
        let (above, custom_metadata, now) = (&Namespace::root(), Default::default(), Millis(1));
        let new = NewNamespace { above, name, custom_metadata, seal, by_service: None, now };
        let Node { namespaces, mounts, policies, .. } = &*self.active;
        let made = self.change(|txn| namespaces.create(mounts, policies, txn, new).unwrap()).await;
        let share = Share::from_slice(made.shares.unwrap().shares[0].expose());
        assert!(!self.active.unseal_tenant(above, name, share).await.unwrap().sealed);
        made.record.id
    }

    async fn doom(&self, name: &str, unseen: bool) {
        self.change(|txn| {
            let namespaces = &self.active.namespaces;
            let record = namespaces.get_for_update(txn, name).unwrap().unwrap();
            match unseen {
                true => namespaces.doom_unseen(txn, &Namespace::root(), record).unwrap(),
                false => namespaces.doom(txn, &Namespace::root(), record).unwrap(),
            }
        })
        .await;
    }
}

/// What it has given is to be ended by whoever leads next.
#[tokio::test]
async fn keys_of_one_that_was_open_when_it_was_doomed_are_given_to_members() {
    let pair = Pair::new().await;
    let (open, sealed) = (pair.make("open").await, pair.make("sealed").await);
    pair.doom("open", false).await;
    pair.doom("sealed", true).await;
    assert!(pair.other.fetch_new_tenants().unwrap().is_empty());
    let end = soon();
    while !pair.other.barrier.holds(open.keyring()) && tokio::time::Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    pair.other.drop_closed_tenants().unwrap();
    assert!(pair.other.barrier.holds(open.keyring()));
    assert!(pair.active.barrier.holds(sealed.keyring()), "it has not been looked at");
    let question = pair.other.barrier.ask_for_tenant(sealed.as_str()).unwrap();
    let refused = pair.active.lend_tenant(1, &[&[QUESTION], question.as_slice()].concat()).await;
    assert_eq!(refused, Err("the namespace is not open here".to_owned()));
    assert!(!pair.other.barrier.holds(sealed.keyring()));
}
