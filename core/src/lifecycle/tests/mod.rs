mod ceremonies;
mod seals;
mod tenants;

use std::sync::Arc;
use std::time::Duration;

use barrier::{Share, StaticSeal};
use storage::{Latches, Millis, PathKey, Read, RequestId, Term, TxnState};
use tokio::sync::watch;

use super::{ConfiguredSeal, HandedOut, InitOptions, Initialised, Node, Settings, UnsealError};
use crate::mount::TtlLimits;
use crate::space;
use crate::testing::Alone;

const LIMITS: TtlLimits = TtlLimits { default: Duration::from_secs(3600), max: Duration::from_secs(7200) };

fn static_seal() -> ConfiguredSeal {
    ConfiguredSeal::new(Arc::new(StaticSeal::new(("one".into(), crypto::Key32::from_slice(&[7; 32]).unwrap()), None)))
}

async fn initialised(node: &Node, shares: i64, threshold: i64) -> Initialised {
    let options = InitOptions { shares, threshold, recipients: Default::default(), cluster_name: None, now: Millis(1) };
    node.init(options).await.unwrap()
}

async fn unseals_itself(node: &Arc<Node>) {
    let (_running, stop) = watch::channel(false);
    Arc::clone(node).unseal_itself(stop).await;
}

#[tokio::test]
async fn a_node_with_a_seal_of_its_own_needs_nobody() {
    let alone = Arc::new(Alone::default());
    let node = Node::new(Arc::clone(&alone) as _, Settings { seals: vec![static_seal()], ..Settings::new(LIMITS) });
    let made = initialised(&node, 3, 2).await;
    assert_eq!(made.shares.len(), 3, "recovery keys");
    unseals_itself(&node).await;
    assert!(!node.is_sealed());
    let status = node.seal_status().unwrap();
    assert_eq!((status.kind.name(), status.threshold, status.shares), ("static", 2, 3));

    // Sealed by request it stays sealed until recovery keys come, which suffice without the seal too.
    node.seal(tokio::time::Instant::now()).await;
    let restarted = Node::new(alone as _, Settings::new(LIMITS));
    let [first, second, _] = &made.shares[..] else { panic!("three shares") };
    for node in [&node, &restarted] {
        assert!(node.is_sealed());
        assert!(node.unseal(Share::from_slice(first)).await.unwrap().sealed);
        assert!(!node.unseal(Share::from_slice(second)).await.unwrap().sealed);
    }
}

#[tokio::test]
async fn without_recovery_keys_there_are_no_shares_to_give() {
    let node = Node::new(Arc::new(Alone::default()), Settings { seals: vec![static_seal()], ..Settings::new(LIMITS) });
    assert!(initialised(&node, 0, 0).await.shares.is_empty());
    let refused = node.unseal(Share::from_slice(&[1; 33])).await;
    assert!(matches!(refused, Err(UnsealError::BadShare(_))), "{refused:?}");
    unseals_itself(&node).await;
    assert!(!node.is_sealed());
}

/// Two nodes on one state: what the one commits, the other has applied.
async fn pair() -> (Arc<Node>, Arc<Node>) {
    let (active, other, _) = pair_with_shares().await;
    (active, other)
}

async fn pair_with_shares() -> (Arc<Node>, Arc<Node>, HandedOut) {
    let state = Arc::new(Alone::default());
    let settings = || Settings::new(LIMITS);
    let (active, other) = (Node::new(Arc::clone(&state) as _, settings()), Node::new(state as _, settings()));
    let made = initialised(&active, 1, 1).await;
    for node in [&active, &other] {
        node.unseal(Share::from_slice(&made.shares[0])).await.unwrap();
        assert!(!node.is_sealed());
    }
    (active, other, made.shares)
}

fn soon() -> tokio::time::Instant {
    tokio::time::Instant::now() + Duration::from_secs(5)
}

async fn put(node: &Node, name: &str, value: &str) {
    let mut state = TxnState::new(node.store.snapshot().unwrap(), Latches::new().begin());
    let path = space::records(&sdk::NamespaceId::root());
    state.at(path).put(&PathKey::kind("test").name(name), value).unwrap();
    let (open, _latches) = state.finish();
    let id = RequestId { applied: 0, random: crypto::random() };
    let batch = node.store.seal(id, Millis(1), open).unwrap();
    node.store.commit(Term(1), batch).await.unwrap();
}

fn get(node: &Node, name: &str) -> String {
    node.local_view().unwrap().get(&PathKey::kind("test").name(name)).unwrap().unwrap()
}

#[tokio::test]
async fn a_node_that_did_not_rotate_reads_what_the_new_key_wrote() {
    let (active, other) = pair().await;
    put(&active, "before", "old").await;
    active.rotate(soon()).await.unwrap();
    put(&active, "after", "new").await;
    assert_eq!(active.key_status().unwrap().term, 2);
    assert_eq!(other.barrier.active_term(), Ok(1), "nothing was told");
    assert_eq!((get(&other, "before"), get(&other, "after")), ("old".into(), "new".into()));
    assert_eq!(other.barrier.active_term(), Ok(2));
}

#[tokio::test]
async fn a_new_leader_writes_with_the_newest_key_and_rotates_from_there() {
    let (active, other) = pair().await;
    active.rotate(soon()).await.unwrap();
    assert_eq!(other.barrier.active_term(), Ok(1));
    other.leads(Term(7)).unwrap();
    assert_eq!(other.barrier.active_term(), Ok(2));
    other.rotate(soon()).await.unwrap();
    active.rotate(soon()).await.unwrap();
    assert_eq!(active.key_status().unwrap().term, 4, "no edition was lost");
}

impl super::tenants::Tenants {
    pub(crate) fn forget_missed(&self) {
        self.fetches.forget();
    }

    /// Whether it is known of any namespace that nobody had its keys.
    pub(crate) fn have_missed(&self) -> bool {
        self.fetches.has_missed()
    }
}
