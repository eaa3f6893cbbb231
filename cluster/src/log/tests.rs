//! The library's own suite over the log and the machine, and what a crash leaves of the log.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use openraft::storage::{RaftLogStorage, RaftLogStorageExt};
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::type_config::TypeConfigExt;
use openraft::{EntryPayload, RaftLogReader, StorageError};
use tempfile::TempDir;

use super::*;
use crate::consensus::{Entry, IoFlushed, LeaderId, LogId, TypeConfig, Vote};
use crate::format::{Formats, Level};
use crate::machine::{Machine, MachineOptions};

fn never_fatal() -> OnFatal {
    Arc::new(|why| panic!("{why}"))
}

struct Builder;

impl StoreBuilder<TypeConfig, LogStore, Machine, TempDir> for Builder {
    async fn build(&self) -> Result<(TempDir, LogStore, Machine), StorageError<TypeConfig>> {
        let folder = tempfile::tempdir().unwrap();
        let log = LogStore::open(LogOptions::new(folder.path().join("raft"), 0, never_fatal())).unwrap();
        let data = folder.path().to_owned();
        // The suite applies entries that its log never had, so the machine cannot wait for the log.
        let (formats, level, stray) = Default::default();
        let options = MachineOptions { data, durable: None, on_fatal: never_fatal(), formats, level, stray };
        let machine = Machine::open(options).unwrap();
        Ok((folder, log, machine))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_library_s_suite_passes() {
    Suite::test_all(Builder).await.unwrap();
}

fn id(term: u64, index: u64) -> LogId {
    LogId { leader_id: LeaderId { term, node_id: 1 }, index }
}

fn blank(term: u64, index: u64) -> Entry {
    Entry { log_id: id(term, index), payload: EntryPayload::Blank }
}

struct Folder {
    _temp: TempDir,
    path: PathBuf,
}

impl Folder {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        Self { path: temp.path().join("raft"), _temp: temp }
    }

    fn open(&self) -> LogStore {
        self.open_with(&Faults::default())
    }

    fn open_with(&self, faults: &Faults) -> LogStore {
        let options = LogOptions { faults: faults.clone(), ..LogOptions::new(&self.path, 1, never_fatal()) };
        LogStore::open(options).unwrap()
    }
}

async fn indexes(log: &mut LogStore) -> Vec<u64> {
    log.try_get_log_entries(..).await.unwrap().iter().map(|entry| entry.log_id.index).collect()
}

type Flushed = openraft::type_config::alias::OneshotReceiverOf<TypeConfig, std::io::Result<()>>;

async fn append(log: &mut LogStore, entries: impl IntoIterator<Item = Entry>) -> Flushed {
    let (done, answer) = TypeConfig::oneshot();
    let entries: Vec<_> = entries.into_iter().collect();
    log.append(entries, IoFlushed::signal(done)).await.unwrap();
    answer
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_power_loss_and_the_rest_is_a_whole_prefix() {
    let folder = Folder::new();
    let faults = Faults::default();
    let mut log = folder.open_with(&faults);
    log.save_vote(&Vote::new_committed(1, 1)).await.unwrap();
    log.blocking_append((0..5).map(|i| blank(1, i))).await.unwrap();

    faults.stall();
    let unsynced = append(&mut log, (5..9).map(|i| blank(1, i))).await;
    assert_eq!(indexes(&mut log).await.len(), 9, "readable before it is durable");
    assert_eq!(log.durable().borrow().next, 5);
    faults.lose_power();
    assert!(unsynced.await.is_err(), "nobody is told that it is durable");
    drop(log);

    let mut log = folder.open();
    assert_eq!(indexes(&mut log).await, [0, 1, 2, 3, 4]);
    assert_eq!(log.read_vote().await.unwrap(), Some(Vote::new_committed(1, 1)));
    assert_eq!(log.durable().borrow().next, 5);
    log.blocking_append([blank(2, 5)]).await.unwrap();
    drop(log);
    assert_eq!(folder.open().last(), Some(id(2, 5)));
}

/// Only a leader whose log was recovered from less than this node has would ask for it.
#[tokio::test]
async fn what_is_known_to_be_committed_is_not_cut_off() {
    let folder = Folder::new();
    let stopped = Arc::new(AtomicBool::new(false));
    let said = Arc::clone(&stopped);
    let on_fatal: OnFatal = Arc::new(move |_| said.store(true, Ordering::Relaxed));
    let mut log = LogStore::open(LogOptions::new(&folder.path, 1, on_fatal)).unwrap();
    log.save_vote(&Vote::new_committed(1, 1)).await.unwrap();
    log.blocking_append((0..6).map(|i| blank(1, i))).await.unwrap();
    log.save_committed(Some(id(1, 3))).await.unwrap();
    log.truncate_after(Some(id(1, 4))).await.unwrap();
    assert_eq!(indexes(&mut log).await, [0, 1, 2, 3, 4]);
    assert!(!stopped.load(Ordering::Relaxed));

    assert!(log.truncate_after(Some(id(1, 2))).await.is_err());
    assert!(stopped.load(Ordering::Relaxed), "the node stops");
    assert_eq!(indexes(&mut log).await, [0, 1, 2, 3, 4]);
}

/// Cuts the write-ahead log at many places, as a power loss may, and opens what is left.
#[tokio::test]
async fn a_torn_end_costs_only_what_was_torn() {
    let whole = Folder::new();
    let mut log = whole.open();
    log.save_vote(&Vote::new_committed(1, 1)).await.unwrap();
    for i in 0..40 {
        log.blocking_append([blank(1, i)]).await.unwrap();
    }
    let (wal, bytes) = newest_wal(&whole.path);
    let mut lengths = std::collections::BTreeSet::new();
    for cut in (0..1200).step_by(37) {
        let torn = Folder::new();
        copy(&whole.path, &torn.path);
        let file = fs::File::options().write(true).open(torn.path.join(&wal)).unwrap();
        file.set_len(bytes - cut).unwrap();
        let mut log = torn.open();
        let found = indexes(&mut log).await;
        assert_eq!(found, (0..found.len() as u64).collect::<Vec<_>>(), "cut by {cut}: a prefix, no hole");
        let next = found.len() as u64;
        log.blocking_append([blank(2, next)]).await.unwrap();
        assert_eq!(log.last(), Some(id(2, next)));
        lengths.insert(found.len());
    }
    assert!(lengths.len() > 10 && lengths.contains(&40), "the cuts hit many entries: {lengths:?}");
}

/// Damage before the end may have been acknowledged entries: the log must not open without them.
#[tokio::test]
async fn damage_in_the_middle_refuses_to_open() {
    let folder = Folder::new();
    let mut log = folder.open();
    for i in 0..400 {
        log.blocking_append([blank(1, i)]).await.unwrap();
    }
    let broken = Folder::new();
    copy(&folder.path, &broken.path);
    let (wal, bytes) = newest_wal(&broken.path);
    let mut content = fs::read(broken.path.join(&wal)).unwrap();
    let middle = usize::try_from(bytes / 2).unwrap();
    content[middle..middle + 8].fill(0xAA);
    fs::write(broken.path.join(&wal), content).unwrap();
    let opened = LogStore::open(LogOptions::new(&broken.path, 1, never_fatal()));
    assert!(matches!(opened.err(), Some(OpenError::Corrupt(_))));
}

#[tokio::test]
async fn a_failed_write_poisons_the_log_and_is_not_tried_again() {
    let folder = Folder::new();
    let faults = Faults::default();
    let fatal = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&fatal);
    let on_fatal: OnFatal = Arc::new(move |_| seen.store(true, Ordering::SeqCst));
    let options = LogOptions { faults: faults.clone(), ..LogOptions::new(&folder.path, 1, on_fatal) };
    let mut log = LogStore::open(options).unwrap();
    log.blocking_append([blank(1, 0)]).await.unwrap();
    faults.fail();
    assert!(append(&mut log, [blank(1, 1)]).await.await.unwrap().is_err());
    let mut durable = log.durable();
    assert!(durable.wait_for(|durable| durable.ended).await.is_ok());
    faults.heal();
    assert!(append(&mut log, [blank(1, 2)]).await.await.unwrap().is_err(), "the disk works again, the log does not");
    assert!(log.save_vote(&Vote::new(2, 1)).await.is_err());
    assert!(fatal.load(Ordering::SeqCst));
    drop(log);
    assert_eq!(indexes(&mut folder.open()).await, [0]);
}

#[tokio::test]
async fn waiting_appends_share_one_sync() {
    let folder = Folder::new();
    let faults = Faults::default();
    let mut log = folder.open_with(&faults);
    faults.stall();
    let mut waiting = Vec::new();
    for i in 0..100 {
        waiting.push(append(&mut log, [blank(1, i)]).await);
    }
    faults.heal();
    for answer in waiting {
        answer.await.unwrap().unwrap();
    }
    assert_eq!(log.durable().borrow().next, 100);
    assert!(faults.writes() <= 2, "one for what came first, one for all the others: {}", faults.writes());
}

#[tokio::test]
async fn a_truncated_entry_is_not_durable_until_its_successor_is() {
    let folder = Folder::new();
    let faults = Faults::default();
    let mut log = folder.open_with(&faults);
    log.blocking_append((0..10).map(|i| blank(1, i))).await.unwrap();
    log.truncate_after(Some(id(1, 4))).await.unwrap();
    assert_eq!(log.durable().borrow().next, 5);
    faults.stall();
    let later = append(&mut log, [blank(2, 5), blank(2, 6)]).await;
    assert_eq!(log.durable().borrow().next, 5);
    assert_eq!(indexes(&mut log).await, [0, 1, 2, 3, 4, 5, 6]);
    faults.heal();
    later.await.unwrap().unwrap();
    assert_eq!(log.durable().borrow().next, 7);
    drop(log);
    let mut log = folder.open();
    assert_eq!(indexes(&mut log).await, [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(log.last(), Some(id(2, 6)));
}

#[tokio::test]
async fn reads_span_disk_and_memory_within_their_cap() {
    let folder = Folder::new();
    let options = LogOptions { tail_bytes: 1000, ..LogOptions::new(&folder.path, 1, never_fatal()) };
    let mut log = LogStore::open(options).unwrap();
    for i in 0..200 {
        log.blocking_append([blank(1, i)]).await.unwrap();
    }
    assert_eq!(indexes(&mut log).await, (0..200).collect::<Vec<_>>());
    log.purge(id(1, 50)).await.unwrap();
    assert_eq!(indexes(&mut log).await, (51..200).collect::<Vec<_>>());
    assert_eq!(log.limited_get_log_entries(10, 60).await.unwrap().len(), 9);
    drop(log);
    let mut log = folder.open();
    assert_eq!(indexes(&mut log).await, (51..200).collect::<Vec<_>>());
    assert_eq!(log.purged(), Some(id(1, 50)));
}

#[tokio::test]
async fn a_large_range_is_read_in_pieces() {
    let folder = Folder::new();
    let mut log = folder.open();
    let entries = (0..10).map(|i| {
        let batch_id = storage::RequestId { applied: 0, random: [i; 16] };
        let mut batch = storage::Batch::new(batch_id, storage::Millis(0));
        batch.outcome = Some(vec![0; 1 << 20].into());
        let payload = EntryPayload::Normal(crate::consensus::Command::batch(batch));
        Entry { log_id: id(1, u64::from(i)), payload }
    });
    log.blocking_append(entries).await.unwrap();
    assert_eq!(log.limited_get_log_entries(0, 10).await.unwrap().len(), 2);
    let streamed: Vec<_> = futures::StreamExt::collect(log.entries_stream(0..10).await).await;
    assert_eq!(streamed.len(), 10);
    drop(log);
    let mut log = folder.open();
    assert_eq!(log.limited_get_log_entries(0, 10).await.unwrap().len(), 2, "from disk too");
}

#[tokio::test]
async fn a_folder_opens_once_and_for_its_own_node() {
    let folder = Folder::new();
    let log = folder.open();
    let again = LogStore::open(LogOptions::new(&folder.path, 1, never_fatal()));
    assert!(matches!(again.err(), Some(OpenError::InUse)));
    drop(log);
    let other = LogStore::open(LogOptions::new(&folder.path, 2, never_fatal()));
    assert!(matches!(other.err(), Some(OpenError::OtherNode { expected: 2, found: 1 })));
}

#[tokio::test]
async fn a_log_knows_the_level_that_it_was_written_at() {
    let folder = Folder::new();
    let open = |formats, level: &Level| {
        let options = LogOptions::new(&folder.path, 1, never_fatal());
        LogStore::open(LogOptions { formats, level: level.clone(), ..options })
    };
    let (level, next) = (Level::default(), Formats { oldest: 1, newest: 2 });
    let mut log = open(next, &level).unwrap();
    log.blocking_append([blank(1, 0)]).await.unwrap();
    drop(log);
    drop(open(Formats::default(), &level).unwrap());

    let mut log = open(next, &level).unwrap();
    level.reach(2);
    log.blocking_append([blank(1, 1)]).await.unwrap();
    drop(log);
    let said = open(Formats::default(), &level).err().unwrap().to_string();
    assert!(said.contains("the cluster is at format 2, and this version reads up to 1"), "{said}");
    let found = Level::default();
    let mut log = open(next, &found).unwrap();
    assert_eq!((found.get(), indexes(&mut log).await), (2, vec![0, 1]), "whatever the state may know");
}

fn newest_wal(path: &Path) -> (String, u64) {
    let wals = fs::read_dir(path).unwrap().map(|item| item.unwrap());
    let wals = wals.filter(|item| item.file_name().to_str().unwrap().ends_with(".log"));
    let newest = wals.max_by_key(|item| item.file_name()).unwrap();
    (newest.file_name().into_string().unwrap(), newest.metadata().unwrap().len())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        if item.file_name() != "LOCK" {
            fs::copy(item.path(), to.join(item.file_name())).unwrap();
        }
    }
}

#[tokio::test]
async fn what_is_committed_rides_along_and_never_runs_ahead_of_the_entries() {
    let folder = Folder::new();
    let faults = Faults::default();
    let mut log = folder.open_with(&faults);
    log.blocking_append((0..5).map(|i| blank(1, i))).await.unwrap();
    log.save_committed(Some(id(1, 4))).await.unwrap();
    assert_eq!(log.read_committed().await.unwrap(), Some(id(1, 4)));
    log.blocking_append([blank(1, 5)]).await.unwrap();
    // The others may have committed what this disk does not hold yet.
    log.save_committed(Some(id(1, 9))).await.unwrap();
    log.blocking_append([blank(1, 6)]).await.unwrap();
    drop(log);
    assert_eq!(folder.open().read_committed().await.unwrap(), Some(id(1, 4)));
}
