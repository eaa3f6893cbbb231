//! Real processes, killed at any moment under load: nothing that was acknowledged is lost, and all nodes end up equal.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::sleep;

use crate::harness::nodes::{Ledger, Nodes, write_on};

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_killed_in_the_middle_of_a_load_leaves_the_old_state_or_the_new_one_everywhere() {
    const CHUNKS: usize = 40;
    let nodes = Nodes::of_three().await;
    let mut current = "round-0".to_owned();
    let leader = nodes.some_leader().await;
    nodes.at(leader).ask(&format!("load {current} {CHUNKS}")).await.unwrap();
    let (mut old, mut new) = (0, 0);
    for round in 1..=8_u64 {
        let (leader, next) = (nodes.some_leader().await, format!("round-{round}"));
        let process = nodes.at(leader);
        let loading = {
            let (process, command) = (process.clone(), format!("load {next} {CHUNKS}"));
            tokio::spawn(async move { process.ask(&command).await })
        };
        // Anywhere from before the first chunk to behind the switch.
        sleep(Duration::from_millis(round * 12)).await;
        process.kill();
        process.died().await;
        let acknowledged = loading.await.unwrap().is_some_and(|said| !said.starts_with("error"));
        nodes.some_leader_of(|at| at != leader).await;
        nodes.restart(leader).await;
        nodes.some_leader().await;
        nodes.settled().await;
        let found = nodes.at(leader).ask("local k0").await.unwrap();
        assert!(found == next || (found == current && !acknowledged), "{found} after {current} and {next}");
        for at in 0..3 {
            for n in 0..CHUNKS {
                assert_eq!(nodes.at(at).ask(&format!("local k{n}")).await.unwrap(), found, "k{n} on node {at}");
            }
        }
        if found == next {
            new += 1
        } else {
            old += 1
        }
        current = found;
    }
    // One that nobody kills goes through.
    let leader = nodes.some_leader().await;
    let said = nodes.at(leader).ask(&format!("load last {CHUNKS}")).await.unwrap();
    assert!(!said.starts_with("error"), "{said}");
    nodes.settled().await;
    assert_eq!(nodes.at((leader + 1) % 3).ask("local k0").await.unwrap(), "last");
    eprintln!("{old} loads left the old state, {new} were carried out");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_nodes_lose_nothing_that_was_acknowledged() {
    let nodes = Nodes::of_three().await;
    let ledger = Arc::new(Ledger::default());
    let writers: Vec<_> = (0..8).map(|w| tokio::spawn(write_on(nodes.clone(), ledger.clone(), w))).collect();
    for round in 0..5 {
        ledger.more(200).await;
        let leader = nodes.some_leader().await;
        nodes.kill(leader).await;
        if round % 2 == 1 {
            // The others elect meanwhile; in the other rounds it is back before they do.
            ledger.more(50).await;
        }
        nodes.restart(leader).await;
    }
    ledger.more(200).await;

    // The power goes out for all.
    (0..3).for_each(|at| nodes.at(at).kill());
    for at in 0..3 {
        nodes.at(at).died().await;
    }
    for at in 0..3 {
        nodes.restart(at).await;
    }
    ledger.more(200).await;
    ledger.stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }

    nodes.settled().await;
    ledger.is_on(&nodes).await;
    eprintln!(
        "{} writes acknowledged, {} unclear, {} read back at once on some node",
        ledger.acknowledged.lock().len(),
        ledger.unknown.load(Ordering::Relaxed),
        ledger.read_back.load(Ordering::Relaxed),
    );
    assert!(ledger.read_back.load(Ordering::Relaxed) > 0);
}
