//! A node in memory, for all benchmarks.

use std::sync::Arc;
use std::time::Duration;

use barrier::Share;
use holdfast_core::lifecycle::{InitOptions, Node, Settings};
use holdfast_core::mount::TtlLimits;
use holdfast_core::replication::Replication;
use holdfast_core::testing::Alone;

/// It serves. With its cluster of one, and its root token.
pub async fn serving() -> (Arc<Node>, Arc<Alone>, String) {
    let alone = Arc::new(Alone::default());
    let limits = TtlLimits { default: Duration::from_secs(3600), max: Duration::from_secs(7200) };
    let node = Node::new(Arc::clone(&alone) as _, Settings::new(limits));
    let options =
        InitOptions { shares: 1, threshold: 1, recipients: Default::default(), cluster_name: None, now: alone.now() };
    let made = node.init(options).await.expect("it can be initialised");
    node.unseal(Share::from_slice(&made.shares[0])).await.expect("the share unseals it");
    (node, alone, made.root_token.to_string())
}
