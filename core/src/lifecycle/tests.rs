use std::sync::Arc;
use std::time::Duration;

use barrier::{Seal, Share, StaticSeal};
use storage::Millis;
use tokio::sync::watch;

use super::{InitOptions, Initialised, Node, Settings, UnsealError};
use crate::mount::TtlLimits;
use crate::testing::Alone;

const LIMITS: TtlLimits = TtlLimits { default: Duration::from_secs(3600), max: Duration::from_secs(7200) };

fn static_seal() -> Arc<dyn Seal> {
    Arc::new(StaticSeal::new(("one".into(), crypto::Key32::from_slice(&[7; 32]).unwrap()), None))
}

async fn initialised(node: &Node, shares: i64, threshold: i64) -> Initialised {
    let options = InitOptions { shares, threshold, cluster_name: None, now: Millis(1) };
    node.init(options).await.unwrap()
}

async fn unseals_itself(node: &Arc<Node>) {
    let (_running, stop) = watch::channel(false);
    Arc::clone(node).unseal_itself(stop).await;
}

#[tokio::test]
async fn a_node_with_a_seal_of_its_own_needs_nobody() {
    let alone = Arc::new(Alone::default());
    let node = Node::new(Arc::clone(&alone) as _, Settings { seal: Some(static_seal()), ..Settings::new(LIMITS) });
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
        assert!(node.unseal(Share::from_slice(first.expose())).await.unwrap().sealed);
        assert!(!node.unseal(Share::from_slice(second.expose())).await.unwrap().sealed);
    }
}

#[tokio::test]
async fn without_recovery_keys_there_are_no_shares_to_give() {
    let node = Node::new(Arc::new(Alone::default()), Settings { seal: Some(static_seal()), ..Settings::new(LIMITS) });
    assert!(initialised(&node, 0, 0).await.shares.is_empty());
    let refused = node.unseal(Share::from_slice(&[1; 33])).await;
    assert!(matches!(refused, Err(UnsealError::BadShare(_))), "{refused:?}");
    unseals_itself(&node).await;
    assert!(!node.is_sealed());
}
