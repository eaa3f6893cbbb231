//! The same with processes, of which those of the next version write what this one cannot read.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rocksdb::{DB, IteratorMode, Options};

use crate::harness::nodes::{Ledger, Nodes, write_on};
use crate::harness::process::Version;

/// The first byte of all that is in the next form.
const NEXT: u8 = 100;

fn open(folder: &Path) -> DB {
    let columns = DB::list_cf(&Options::default(), folder).unwrap();
    DB::open_cf(&Options::default(), folder, columns).unwrap()
}

/// How many records of a column are in the present form and in the next one. The node must not run.
fn forms(folder: &Path, column: &str) -> (usize, usize) {
    let database = open(folder);
    let (mut now, mut next) = (0, 0);
    for item in database.iterator_cf(database.cf_handle(column).unwrap(), IteratorMode::Start) {
        *if item.unwrap().1[0] == NEXT { &mut next } else { &mut now } += 1;
    }
    (now, next)
}

/// The folder of the state.
fn state(data: &Path) -> PathBuf {
    let number = std::fs::read_to_string(data.join("SM_CURRENT")).unwrap_or_else(|_| "0".to_owned());
    data.join(format!("sm-{}", number.trim()))
}

/// Takes the record of the level away.
fn forget(folder: &Path, record: &str) {
    let database = open(folder);
    let meta = database.cf_handle("meta").unwrap();
    assert!(database.get_cf(meta, record).unwrap().is_some(), "{record}");
    database.delete_cf(meta, record).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_next_version_writes_is_read_by_it_and_refused_by_this_one() {
    let nodes = Nodes::of_three().await;
    let ledger = Arc::new(Ledger::default());
    let writers: Vec<_> = (0..4).map(|w| tokio::spawn(write_on(nodes.clone(), ledger.clone(), w))).collect();
    ledger.more(100).await;
    for at in 0..3 {
        nodes.kill(at).await;
        nodes.restart_as(at, Version::Next).await;
        if at == 0 {
            // As long as one is of the version before, every node may go back to it.
            ledger.more(100).await;
            nodes.kill(0).await;
            nodes.restart(0).await;
            ledger.more(100).await;
            nodes.kill(0).await;
            nodes.restart_as(0, Version::Next).await;
        }
        if at < 2 {
            ledger.more(100).await;
            nodes.all_say(&[0, 1, 2], "format", "1").await;
        }
    }
    nodes.all_say(&[0, 1, 2], "format", "2").await;
    ledger.more(100).await;

    // A new node gets the log from its first entry on, in which there is both.
    let joiner = nodes.add(Version::Next).await;
    let leader = nodes.some_leader().await;
    assert_eq!(nodes.enter(joiner, leader).await, "ok");
    nodes.all_say(&[joiner], "format", "2").await;
    // The next one gets a snapshot, in which there is both.
    ledger.more(100).await;
    let leader = nodes.some_leader().await;
    let whole = (0..3).find(|at| *at != leader).unwrap();
    let compacted = nodes.at(leader).ask("compact").await.unwrap();
    assert!(!compacted.starts_with("error"), "{compacted}");
    let joiner = nodes.add(Version::Next).await;
    assert_eq!(nodes.enter(joiner, leader).await, "ok");
    nodes.all_say(&[joiner], "format", "2").await;
    assert!(nodes.folder(joiner).join("SM_CURRENT").exists(), "no snapshot was installed");

    // The power goes out for all.
    ledger.more(100).await;
    for at in 0..nodes.len() {
        nodes.kill(at).await;
    }
    for at in 0..nodes.len() {
        nodes.restart_as(at, Version::Next).await;
    }
    ledger.more(100).await;
    ledger.stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    nodes.settled().await;
    nodes.all_say(&[0, 1, 2, 3, 4], "format", "2").await;
    ledger.is_on(&nodes).await;

    // There is no way back, and trying it changes nothing.
    let data = nodes.folder(whole);
    nodes.kill(whole).await;
    let said = nodes.refused(whole).await;
    assert!(said.contains("the cluster is at format 2, and this version reads up to 1"), "{said}");
    for (folder, column) in [(data.join("raft"), "log"), (state(&data), "data"), (state(&data), "outcomes")] {
        let (now, next) = forms(&folder, column);
        assert!(now > 0 && next > 0, "{column}: {now} records of the present form, {next} of the next");
    }
    nodes.restart_as(whole, Version::Next).await;
    nodes.settled().await;
    ledger.is_on(&nodes).await;

    // Even if nothing tells the level, what is not understood is not read.
    nodes.kill(whole).await;
    forget(&data.join("raft"), "level");
    let said = nodes.refused(whole).await;
    assert!(said.contains("Format(100)"), "{said}");
    forget(&state(&data), "format");
    std::fs::rename(data.join("raft"), data.join("away")).unwrap();
    let said = nodes.refused(whole).await;
    assert!(said.contains("the record is of format 100, which this version does not know"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_this_version_gets_nothing_that_it_cannot_read() {
    let nodes = Nodes::of_three().await;
    for at in 0..3 {
        nodes.kill(at).await;
        nodes.restart_as(at, Version::Next).await;
    }
    nodes.all_say(&[0, 1, 2], "format", "2").await;
    let leader = nodes.some_leader().await;
    let old = nodes.add(Version::This).await;
    let said = nodes.enter(old, leader).await;
    assert!(said.contains("no member has sent this node anything in time"), "{said}");
    assert_eq!(nodes.at(old).ask("local first").await.unwrap(), "-");
    assert_eq!(nodes.at(leader).ask("voters").await.unwrap(), "3");
}
