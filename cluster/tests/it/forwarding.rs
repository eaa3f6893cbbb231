//! Requests that a follower forwards, and what became of them.

use bytes::Bytes;
use cluster::{ForwardError, Outcome};
use storage::Ran;
use tokio::time::Instant;

use crate::harness::*;

fn kept(outcome: Outcome) -> Bytes {
    match outcome {
        Outcome::Ran(Ran { answer: Some(answer), .. }) => answer,
        other => panic!("it did not run, or its answer was lost: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forwarded_request_runs_on_the_leader_and_can_be_asked_for() {
    let cluster = Cluster::of(3).await;
    let follower = cluster.follower().await;
    let request = id();
    let answer = follower.forward(request, Bytes::from_static(b"hello"), soon()).await.unwrap();
    assert_eq!(answer, "HELLO");
    for node in cluster.up() {
        assert_eq!(kept(node.outcome(request, soon()).await.unwrap()), "HELLO");
        assert_eq!(node.outcome(id(), soon()).await.unwrap(), Outcome::NotRun);
    }
    let again = follower.forward(request, Bytes::from_static(b"hello"), soon()).await.unwrap();
    assert_eq!(again, "the request had already run");
    // On the leader itself it takes no wire.
    let leader = cluster.leader().await;
    assert_eq!(leader.forward(id(), Bytes::from_static(b"here"), soon()).await.unwrap(), "HERE");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_a_request_at_work_waits_for_it() {
    let cluster = Cluster::of(3).await;
    let follower = cluster.follower().await;
    let request = id();
    let sent = follower.forward(request, Bytes::from_static(b"slow one"), in_ms(100)).await;
    assert_eq!(sent, Err(ForwardError::Unclear));
    let outcome = follower.outcome(request, soon()).await.unwrap();
    assert_eq!(kept(outcome), "SLOW ONE", "it was still at work when it was asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_was_followed_by_another_is_not_waited_for() {
    let cluster = Cluster::of(3).await;
    let (leader, follower) = (cluster.leader().await, cluster.follower().await);
    let request = id();
    let late = std::time::Duration::from_secs(600);
    let sent = {
        let follower = follower.clone();
        let sending =
            async move { follower.forward(request, Bytes::from_static(b"stuck"), Instant::now() + late).await };
        tokio::spawn(sending)
    };
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert!(!sent.is_finished());
    leader.transfer(soon()).await.unwrap();
    let sent = tokio::time::timeout(late / 10, sent).await.expect("it is waited for no longer").unwrap();
    assert_eq!(sent, Err(ForwardError::Unclear));
    assert_eq!(follower.outcome(request, soon()).await.unwrap(), Outcome::NotRun);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_leader_nothing_is_sent() {
    let mut cluster = Cluster::of(2).await;
    let follower = cluster.follower().await;
    let at = cluster.seat_of(&*cluster.leader().await);
    cluster.seats[at].crash();
    let sent = follower.forward(id(), Bytes::from_static(b"lost"), in_ms(500)).await;
    assert!(matches!(sent, Err(ForwardError::NotSent | ForwardError::Unclear)), "{sent:?}");
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    let sent = follower.forward(id(), Bytes::from_static(b"lost"), in_ms(500)).await;
    assert_eq!(sent, Err(ForwardError::NotSent));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_share_the_open_connection() {
    let cluster = Cluster::of(3).await;
    let follower = cluster.follower().await;
    let since = std::time::Instant::now();
    let all = (0..500).map(|n| {
        let follower = follower.clone();
        tokio::spawn(async move { follower.forward(id(), Bytes::from(format!("n{n}")), soon()).await })
    });
    for (n, sent) in futures::future::join_all(all).await.into_iter().enumerate() {
        assert_eq!(sent.unwrap().unwrap(), format!("N{n}"));
    }
    eprintln!("500 forwarded writes at once: {:?}", since.elapsed());
}
