//! Tokens on a founded, unsealed node in memory.

use std::sync::Arc;
use std::time::Duration;

use barrier::Share;
use sdk::NamespaceId;
use storage::{Millis, OpenBatch, RequestId, Term, TxnState};

use super::*;
use crate::lifecycle::{InitOptions, Node, Settings, UnsealError};
use crate::space;
use crate::testing::Alone;

struct Bench {
    node: Arc<Node>,
    root: ClientToken,
    now: Millis,
}

impl Bench {
    async fn new() -> Self {
        let limits = TtlLimits { default: Duration::from_secs(3600), max: Duration::from_secs(7200) };
        let now = Millis(1_700_000_000_000);
        let node = Node::new(Arc::new(Alone::default()), Settings::new(limits));
        let options = InitOptions { shares: 3, threshold: 2, recipients: Default::default(), cluster_name: None, now };
        let made = node.init(options).await.unwrap();
        assert!(node.is_sealed(), "initialising does not unseal");
        node.unseal(Share::from_slice(&made.shares[0])).await.unwrap();
        assert!(node.is_sealed(), "one share of two is not enough");
        node.unseal(Share::from_slice(&made.shares[2])).await.unwrap();
        assert!(!node.is_sealed());
        Self { node, root: crate::token::ClientToken::new(made.root_token.to_string()), now }
    }

    async fn change<T>(&self, write: impl FnOnce(&mut TxnState) -> T) -> T {
        let latches = storage::Latches::new();
        let mut state = TxnState::new(self.node.store.snapshot().unwrap(), latches.begin());
        let out = write(&mut state);
        let (open, _held): (OpenBatch, _) = state.finish();
        let id = RequestId { applied: 0, random: crypto::random() };
        let batch = self.node.store.seal(id, self.now, open).unwrap();
        self.node.store.commit(Term(1), batch).await.unwrap();
        out
    }

    async fn create(&self, parent: Option<&ClientToken>, num_uses: i64) -> ClientToken {
        let parent = parent.map(|p| self.node.tokens.key_of(p).unwrap());
        let new = NewToken { num_uses, parent, ..token() };
        let records = space::records(&NamespaceId::root());
        let made = self.change(|s| self.node.tokens.create(&mut s.at(records), self.now, new).unwrap()).await;
        assert_eq!(made.record.policies, ["a", "b"]);
        made.token
    }

    fn check(&self, token: &ClientToken, now: Millis) -> Result<Valid, Why> {
        self.node.tokens.authenticate(&self.node.local_view().unwrap(), token, now)
    }
}

fn token() -> NewToken {
    NewToken {
        policies: vec!["B".into(), "a".into(), "a".into()],
        path: "auth/token/create".into(),
        display_name: "token".into(),
        ttl: Duration::from_secs(60),
        renewable: true,
        ..NewToken::default()
    }
}

#[tokio::test]
async fn a_tree_dies_with_its_root_and_a_token_with_its_time() {
    let bench = Bench::new().await;
    assert!(bench.check(&bench.root, bench.now).unwrap().record.is_root());
    let parent = bench.create(None, 0).await;
    let child = bench.create(Some(&parent), 0).await;
    let grandchild = bench.create(Some(&child), 0).await;
    assert!(bench.check(&grandchild, bench.now).is_ok());
    let later = bench.now.plus(Duration::from_secs(60));
    assert!(matches!(bench.check(&parent, later), Err(Why::Expired)));

    let key = bench.node.tokens.key_of(&parent).unwrap();
    let root = NamespaceId::root();
    let revoked = bench.change(|s| bench.node.tokens.revoke(&mut s.at(space::records(&root)), &key).unwrap()).await;
    assert!(revoked);
    for token in [&parent, &child, &grandchild] {
        assert!(matches!(bench.check(token, bench.now), Err(Why::Unknown)));
    }
    let left = bench.node.tokens.accessors(&bench.node.local_view().unwrap()).unwrap();
    assert_eq!(left.len(), 1, "only the root token's accessor is left");
}

#[tokio::test]
async fn uses_are_counted_in_the_store() {
    let bench = Bench::new().await;
    let token = bench.create(None, 2).await;
    let key = bench.node.tokens.key_of(&token).unwrap();
    for left in [2, 1] {
        assert_eq!(bench.check(&token, bench.now).unwrap().uses_left, Some(left));
        let records = space::records(&NamespaceId::root());
        bench.change(|s| Tokens::spend(&mut s.at(records), &key)).await;
    }
    assert!(matches!(bench.check(&token, bench.now), Err(Why::Spent)));
}

#[tokio::test]
async fn wrong_shares_open_nothing_and_sealing_forgets() {
    let bench = Bench::new().await;
    bench.node.seal(tokio::time::Instant::now() + Duration::from_secs(1)).await;
    assert!(bench.node.tokens.key_of(&bench.root).is_err(), "a sealed node cannot even look a token up");
    let share = |x: u8| Share::from_slice(&[[7; 32].as_slice(), &[x]].concat());
    bench.node.unseal(share(1)).await.unwrap();
    assert!(matches!(bench.node.unseal(share(2)).await, Err(UnsealError::WrongShares)));
    assert_eq!(bench.node.seal_status().unwrap().progress, 0);
}

#[tokio::test]
async fn no_token_outlives_an_ancestor_however_far_up() {
    let bench = Bench::new().await;
    let mut line = vec![bench.create(None, 0).await];
    for _ in 0..lookup::ANCESTORS_MAX {
        line.push(bench.create(line.last(), 0).await);
    }
    assert!(bench.check(line.last().unwrap(), bench.now).is_ok());
    let parent = bench.node.tokens.key_of(line.last().unwrap()).unwrap();
    let deeper = NewToken { parent: Some(parent), ..token() };
    let latches = storage::Latches::new();
    let mut state = TxnState::new(bench.node.store.snapshot().unwrap(), latches.begin());
    let refused = bench.node.tokens.create(&mut state.at(space::records(&NamespaceId::root())), bench.now, deeper);
    assert!(matches!(refused, Err(NotCreated::TooDeep)));

    let key = bench.node.tokens.key_of(&line[0]).unwrap();
    bench.change(|s| s.at(space::records(&NamespaceId::root())).delete(&record_key(&key))).await;
    assert!(matches!(bench.check(line.last().unwrap(), bench.now), Err(Why::Orphaned)));
}
