use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use barrier::Share;
use bytes::Bytes;
use sdk::{Failure, NamespaceId, Pipe};
use storage::{
    Batch, Class, Latches, Millis, PathKey, RawKey, Read as _, RequestId, Step, Stored, Term, TxnState, Value,
};

use super::write::Writer;
use super::*;
use crate::lifecycle::{InitOptions, Node, Settings};
use crate::mount::TtlLimits;
use crate::space;
use crate::testing::Alone;

const LIMITS: TtlLimits = TtlLimits { default: Duration::from_secs(3600), max: Duration::from_secs(7200) };

fn fresh() -> Arc<Node> {
    Node::new(Arc::new(Alone::default()), Settings::new(LIMITS))
}

/// A node that serves, and its one share.
async fn serving() -> (Arc<Node>, Vec<u8>) {
    let node = fresh();
    let share = found(&node).await;
    (node, share)
}

/// Makes it serve. Answers its one share.
pub(super) async fn found(node: &Arc<Node>) -> Vec<u8> {
    let options = InitOptions {
        shares: 1,
        threshold: 1,
        recipients: Default::default(),
        cluster_name: Some("c".into()),
        now: Millis(1),
    };
    let share = node.init(options).await.unwrap().shares.remove(0).to_vec();
    unseal(node, &share).await;
    share
}

async fn unseal(node: &Arc<Node>, share: &[u8]) {
    assert!(!node.unseal(Share::from_slice(share)).await.unwrap().sealed);
}

fn key(name: &str) -> PathKey {
    PathKey::kind("test").name(name)
}

async fn put(node: &Node, name: &str, value: &str) {
    let mut state = TxnState::new(node.store.snapshot().unwrap(), Latches::new().begin());
    state.at(space::records(&NamespaceId::root())).put(&key(name), &value).unwrap();
    let batch = node.store.seal(id(), Millis(2), state.finish().0).unwrap();
    node.store.commit(Term(1), batch).await.unwrap();
}

fn get(node: &Node, name: &str) -> Option<String> {
    node.local_view().unwrap().get(&key(name)).unwrap()
}

fn id() -> RequestId {
    RequestId { applied: 0, random: crypto::random() }
}

async fn backup(node: &Node) -> Vec<u8> {
    let mut reader = node.save(Millis(1_700_000_000_000)).unwrap().open().unwrap();
    let mut file = Vec::new();
    while let Some(piece) = reader.next().await {
        file.extend_from_slice(&piece.unwrap());
    }
    file
}

async fn restore(node: &Arc<Node>, file: &[u8], trust: Trust) -> Result<Restore, Failure> {
    let (writer, pipe): (_, Pipe) = sdk::pipe();
    let file = Bytes::copy_from_slice(file);
    tokio::spawn(async move {
        for piece in file.chunks(1000) {
            if writer.send(Bytes::copy_from_slice(piece)).await.is_err() {
                return;
            }
        }
        writer.finish().await.ok();
    });
    node.restore(pipe.open().unwrap(), trust).await
}

fn content(node: &Node) -> BTreeMap<Vec<u8>, Stored> {
    let mut all = BTreeMap::new();
    let snapshot = node.replication.store().snapshot().unwrap();
    for class in [Class::Replicated, Class::Local] {
        let mut visit = |key: &[u8], stored| {
            all.insert(key.to_vec(), stored);
            Ok(Step::Next)
        };
        snapshot.walk(&RawKey::root(class), None, &mut visit).unwrap();
    }
    all
}

/// The backup again, with other records and no proof.
fn rewritten(file: &[u8], mut keep: impl FnMut(&RawKey) -> bool) -> Vec<u8> {
    let header = header(file).unwrap();
    let mut writer = Writer::new(Vec::new(), Millis(1), &header).unwrap();
    let mut visit = |_: &Header, records: Vec<(RawKey, Stored)>| {
        for (key, stored) in records.iter().filter(|(key, _)| keep(key)) {
            writer.record(key.as_bytes(), stored).unwrap();
        }
        Ok(())
    };
    walk(file, &mut visit).unwrap();
    writer.finish(|_| [7; 32]).unwrap()
}

fn is_invalid(result: Result<Restore, Failure>, why: &str) -> bool {
    match result {
        Err(Failure::Invalid(text)) => text.contains(why) || panic!("{text}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was restored"),
    }
}

#[tokio::test]
async fn what_was_saved_comes_back_and_what_came_later_is_gone() {
    let (node, _) = serving().await;
    put(&node, "before", "1").await;
    let file = backup(&node).await;
    put(&node, "before", "2").await;
    put(&node, "after", "3").await;
    drop(restore(&node, &file, Trust::RootKey).await.unwrap());
    assert!(!node.is_sealed());
    assert_eq!((get(&node, "before").as_deref(), get(&node, "after")), (Some("1"), None));
    put(&node, "later", "4").await;
    assert_eq!(get(&node, "later").as_deref(), Some("4"));

    let header = header(&file[..]).unwrap();
    assert_eq!((header.cluster_name.as_str(), header.seal.shares()), ("c", 1));
    assert_eq!(header.root_key_id, node.barrier.root_key_id().unwrap().to_string());
    let whole = walk(&file[..], &mut |_, _| Ok(())).unwrap();
    assert!(whole.records > 5 && whole.bytes > 1000, "{whole:?}");
}

#[tokio::test]
async fn a_keyring_of_before_a_rotation_comes_back_as_the_newest() {
    let (node, _) = serving().await;
    put(&node, "a", "old key").await;
    let file = backup(&node).await;
    let rotated = node.barrier.rotated(Millis(3)).unwrap().bytes;
    let mut batch = Batch::new(id(), Millis(3));
    batch.puts.push((space::keyring(), Bytes::from(rotated.clone())));
    node.store.commit(Term(1), batch).await.unwrap();
    node.barrier.install(&rotated).unwrap();
    put(&node, "b", "new key").await;
    let later = backup(&node).await;

    drop(restore(&node, &file, Trust::RootKey).await.unwrap());
    assert_eq!((get(&node, "a").as_deref(), get(&node, "b")), (Some("old key"), None));
    put(&node, "c", "after").await;
    drop(restore(&node, &later, Trust::RootKey).await.unwrap());
    assert_eq!((get(&node, "b").as_deref(), get(&node, "c")), (Some("new key"), None));
    let again = backup(&node).await;
    assert_eq!(
        walk(&again[..], &mut |_, _| Ok(())).unwrap().header.root_key_id,
        header(&file[..]).unwrap().root_key_id
    );
}

#[tokio::test]
async fn a_broken_file_changes_nothing() {
    let (node, _) = serving().await;
    put(&node, "a", "1").await;
    let file = backup(&node).await;
    let before = content(&node);
    for len in (0..file.len()).step_by(97).chain([file.len() - 1, file.len() - 9]) {
        assert!(is_invalid(restore(&node, &file[..len], Trust::RootKey).await, "nothing was restored"), "cut at {len}");
    }
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&file[..]).read_to_end(&mut plain).unwrap();
    // Behind the header of gzip, whose fields say nothing of the content.
    for at in (10..file.len()).step_by(61) {
        let mut bad = file.clone();
        bad[at] ^= 0x20;
        // A zero may be copied from another place in the run of zeros, and a bit of padding is read by nobody.
        let mut same = Vec::new();
        if flate2::read::GzDecoder::new(&bad[..]).read_to_end(&mut same).is_ok() {
            assert_eq!(same, plain, "byte {at}");
            continue;
        }
        assert!(is_invalid(restore(&node, &bad, Trust::Caller).await, "nothing was restored"), "byte {at}");
    }
    for garbage in [&b"{}"[..], b"", &[0; 4096], &[&file[..], b"more"].concat()] {
        assert!(is_invalid(restore(&node, garbage, Trust::Caller).await, "nothing was restored"));
    }
    assert_eq!(content(&node), before);
    assert!(is_invalid(restore(&node, &plain, Trust::Caller).await, "not a backup"));
    let (writer, pipe) = sdk::pipe();
    drop(writer);
    assert!(is_invalid(node.restore(pipe.open().unwrap(), Trust::Caller).await, "did not come to its end"));
    drop(restore(&node, &file, Trust::RootKey).await.unwrap());
}

#[tokio::test]
async fn an_altered_backup_is_whole_but_not_this_cluster_s() {
    let (node, _) = serving().await;
    put(&node, "a", "1").await;
    let file = backup(&node).await;
    let before = content(&node);
    let mut n = 0;
    let altered = rewritten(&file, |key| {
        n += 1;
        n != 3 || *key == space::keyring()
    });
    assert!(is_invalid(restore(&node, &altered, Trust::RootKey).await, "altered"));
    let no_keyring = rewritten(&file, |key| *key != space::keyring());
    assert!(is_invalid(restore(&node, &no_keyring, Trust::Caller).await, "no keyring"));
    assert_eq!(content(&node), before);
    drop(restore(&node, &altered, Trust::Caller).await.unwrap());
}

#[tokio::test]
async fn another_root_key_takes_the_caller_s_word_and_the_backup_s_shares() {
    let ((there, share), (node, own)) = (serving().await, serving().await);
    put(&there, "theirs", "1").await;
    put(&node, "ours", "2").await;
    let file = backup(&there).await;
    assert!(is_invalid(restore(&node, &file, Trust::RootKey).await, "snapshot-force"));
    assert_eq!(get(&node, "ours").as_deref(), Some("2"));

    let restore_under_way = restore(&node, &file, Trust::Caller).await.unwrap();
    assert!(!node.is_sealed(), "its answer has still to be audited");
    assert!(node.store.snapshot().is_err(), "and nobody is served");
    assert!(is_invalid(restore(&node, &file, Trust::Caller).await, "another restore"));
    drop(restore_under_way);
    assert!(node.is_sealed());
    assert!(node.unseal(Share::from_slice(&own)).await.is_err(), "its own shares count no more");
    unseal(&node, &share).await;
    assert_eq!((get(&node, "theirs").as_deref(), get(&node, "ours")), (Some("1"), None));
}

#[tokio::test]
async fn a_node_without_a_cluster_begins_with_the_backup() {
    let (there, share) = serving().await;
    put(&there, "theirs", "1").await;
    let file = backup(&there).await;
    assert!(is_invalid(restore(&there, &file, Trust::Founder).await, "initialised"));
    let node = fresh();
    assert!(is_invalid(restore(&node, &file[..200], Trust::Founder).await, "too early"));
    assert!(!node.is_initialised());
    drop(restore(&node, &file, Trust::Founder).await.unwrap());
    assert!(node.is_initialised() && node.is_sealed());
    unseal(&node, &share).await;
    assert_eq!(get(&node, "theirs").as_deref(), Some("1"));
    assert_eq!(node.cluster_info(), there.cluster_info());
}

#[tokio::test]
async fn large_states_are_cut_into_files_and_no_record_is_lost() {
    let header = header(&backup(&serving().await.0).await[..]).unwrap();
    let mut writer = Writer::new(Vec::new(), Millis(1), &header).unwrap();
    let record = |n: u32| {
        let mut key = RawKey::root(Class::Replicated);
        key.push(storage::SegKind::Plain, &n.to_be_bytes()).unwrap();
        let size = if n == 7 { 2 * CHUNK } else { 100_000 };
        let value =
            if n == 8 { Value::Counter(-8) } else { Value::Bytes(crypto::random::<32>().repeat(size / 32).into()) };
        (key, Stored { revision: storage::Revision::default().next(), value })
    };
    let records: Vec<_> = (0..40).map(record).collect();
    for (key, stored) in &records {
        writer.record(key.as_bytes(), stored).unwrap();
    }
    let file = writer.finish(|_| [0; 32]).unwrap();
    let (mut found, mut files) = (Vec::new(), Vec::new());
    let mut visit = |_: &Header, records: Vec<_>| {
        files.push(records.len());
        found.extend(records);
        Ok(())
    };
    walk(&file[..], &mut visit).unwrap();
    assert!(found == records);
    assert!(files.len() > 4 && files.contains(&1), "{files:?}");
    let swapped: Vec<_> = records.iter().rev().collect();
    let mut writer = Writer::new(Vec::new(), Millis(1), &header).unwrap();
    for (key, stored) in swapped {
        writer.record(key.as_bytes(), stored).unwrap();
    }
    let file = writer.finish(|_| [0; 32]).unwrap();
    assert!(matches!(walk(&file[..], &mut |_, _| Ok(())), Err(BackupError::Damaged(_))), "out of order");
}
