//! The worker: what is due goes, however much it is.

use tokio::sync::watch;

use super::*;
use crate::token::SWEEP_MAX;
use crate::worker;

impl Bench {
    fn accessors(&self) -> usize {
        self.node.tokens.accessors(&self.node.local_view().unwrap()).unwrap().len()
    }

    async fn until_left(&self, count: usize) {
        let (_go_on, stop) = watch::channel(false);
        let working = tokio::spawn(worker::run(Arc::clone(&self.node), stop));
        let end = Instant::now() + Duration::from_secs(20);
        while self.accessors() != count && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        working.abort();
        assert_eq!(self.accessors(), count);
    }

    async fn children(&self, parent: &ClientToken, count: usize, ttl: u64) -> Vec<ClientToken> {
        let parent = self.node.tokens.key_of(parent).unwrap();
        let now = self.alone.now();
        self.change(|state, node| {
            let mut records = state.at(space::records(&sdk::NamespaceId::root()));
            let mut one = || {
                let ttl = Duration::from_secs(ttl);
                let new = NewToken { parent: Some(parent.clone()), ttl, renewable: true, ..NewToken::default() };
                node.tokens.create(&mut records, now, new).unwrap().token
            };
            (0..count).map(|_| one()).collect()
        })
        .await
    }
}

#[tokio::test]
async fn expired_tokens_go_and_what_they_made_with_them() {
    let bench = Bench::new().await;
    let early = bench.children(&bench.root, 3, 60).await;
    bench.children(&bench.root, 1, 600).await;
    bench.children(&early[0], 2, 3600).await;
    bench.alone.advance(Duration::from_secs(61));
    bench.until_left(2).await;
}

#[tokio::test]
async fn a_token_renewed_in_time_stays() {
    let bench = Bench::new().await;
    let token = bench.children(&bench.root, 1, 60).await.remove(0);
    let key = bench.node.tokens.key_of(&token).unwrap();
    let now = bench.alone.now();
    bench
        .change(|state, node| {
            let mut records = state.at(space::records(&sdk::NamespaceId::root()));
            let limits = TtlLimits { default: Duration::ZERO, max: Duration::from_secs(7200) };
            node.tokens
                .renew(&mut records, now, &key, Duration::from_secs(600), limits, crate::token::Terms::Own)
                .unwrap();
        })
        .await;
    bench.children(&bench.root, 1, 60).await;
    bench.alone.advance(Duration::from_secs(61));
    bench.until_left(2).await;
    bench.alone.advance(Duration::from_secs(600));
    bench.until_left(1).await;
}

#[tokio::test]
async fn a_tree_larger_than_one_revocation_is_swept_to_the_end() {
    let bench = Bench::new().await;
    let parent = bench.children(&bench.root, 1, 3600).await.remove(0);
    for child in bench.children(&parent, 5, 3600).await {
        bench.children(&child, SWEEP_MAX / 2, 3600).await;
    }
    let key = bench.node.tokens.key_of(&parent).unwrap();
    bench
        .change(|state, node| {
            let root = sdk::NamespaceId::root();
            node.tokens.revoke(&mut state.at(space::records(&root)), &key).unwrap();
        })
        .await;
    assert!(bench.accessors() > SWEEP_MAX, "one batch has a bound");
    bench.until_left(1).await;
}

/// A lease is named after the path that gave it, which is the client's to choose.
#[tokio::test]
async fn names_as_long_as_a_batch_do_not_stop_the_worker() {
    let bench = Bench::new().await;
    let now = bench.alone.now();
    for _ in 0..80 {
        bench
            .change(|state, node| {
                let mut records = state.at(space::records(&sdk::NamespaceId::root()));
                let (ttl, path) = (Duration::from_secs(60), format!("cubbyhole/{}", "x".repeat(16_000)));
                node.tokens.create(&mut records, now, NewToken { ttl, path, ..NewToken::default() }).unwrap();
            })
            .await;
    }
    bench.alone.advance(Duration::from_secs(61));
    bench.until_left(1).await;
}
