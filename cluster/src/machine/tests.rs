//! The state machine by itself: restarts, the outcome window, determinism, and what an install leaves behind.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::stream;
use openraft::storage::RaftStateMachine;
use openraft::{EntryPayload, RaftSnapshotBuilder};
use storage::apply::Refusal;
use storage::{
    Batch, Check, Class, CounterChange, CounterOp, Epoch, Journal, Millis, Ran, RawKey, RequestId, Revision, Step,
    Value,
};
use tokio::sync::watch;

mod bulk;
mod copying;

use super::outcomes::Limits;
use super::*;
use crate::consensus::{Command, Entry, LeaderId, LogId};
use crate::format::Formats;
use crate::identity::RemovedKeys;
use crate::log::{Durable, OpenError};

fn options(data: &Path) -> MachineOptions {
    MachineOptions {
        data: data.to_owned(),
        durable: None,
        on_fatal: Arc::new(|why| panic!("{why}")),
        formats: Default::default(),
        stray: Default::default(),
        level: Default::default(),
    }
}

fn open(data: &Path) -> Machine {
    Machine::open(options(data)).unwrap()
}

fn entry(index: u64, batch: Batch) -> Entry {
    command(index, Command::batch(batch))
}

fn command(index: u64, command: Command) -> Entry {
    let leader_id = LeaderId { term: 1, node_id: 1 };
    Entry { log_id: LogId { leader_id, index }, payload: EntryPayload::Normal(command) }
}

fn batch(n: u64) -> Batch {
    let mut random = [0; 16];
    random[..8].copy_from_slice(&n.to_be_bytes());
    Batch::new(RequestId { applied: n.saturating_sub(1), random }, Millis(1000 + n))
}

fn key(class: Class, name: &[u8]) -> RawKey {
    let mut key = RawKey::root(class);
    key.push(storage::SegKind::Plain, name).unwrap();
    key
}

async fn apply(machine: &mut Machine, entries: Vec<Entry>) {
    machine.apply(stream::iter(entries.into_iter().map(|entry| Ok((entry, None))))).await.unwrap();
}

/// Every key of the state with its value and revision.
fn content(machine: &Machine) -> Vec<(Vec<u8>, storage::Stored)> {
    let snapshot = machine.reader().snapshot().unwrap();
    let mut all = Vec::new();
    for class in [Class::Replicated, Class::Local] {
        let mut visit = |key: &[u8], stored| {
            all.push((key.to_vec(), stored));
            Ok(Step::Next)
        };
        snapshot.walk(&RawKey::root(class), None, &mut visit).unwrap();
    }
    all
}

/// A history with everything in it, by a fixed pseudo-random sequence.
fn history(len: u64) -> Vec<Entry> {
    let mut next = sequence();
    (1..=len).map(|index| anything(index, &mut next, &|_| None)).collect()
}

fn sequence() -> impl FnMut() -> u64 {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

/// One entry of such a history. Half of its checks are of the revision that `seen` knows, so that they hold.
fn anything(index: u64, next: &mut impl FnMut() -> u64, seen: &dyn Fn(&RawKey) -> Option<Revision>) -> Entry {
    let mut batch = batch(index);
    for _ in 0..next() % 4 {
        let class = if next().is_multiple_of(4) { Class::Local } else { Class::Replicated };
        let name = [(next() % 5) as u8, (next() % 5) as u8];
        let deep = {
            let mut deep = key(class, &name[..1]);
            deep.push(storage::SegKind::Plain, &name[1..]).unwrap();
            deep
        };
        match next() % 6 {
            0 => batch.deletes.push(deep),
            1 if next().is_multiple_of(4) => batch.prefix_deletes.push(key(class, &name[..1])),
            2 => batch.counters.push(CounterChange { key: deep, op: CounterOp::Set(3) }),
            3 => batch.counters.push(CounterChange { key: deep, op: CounterOp::Add { by: -1, floor: 0 } }),
            4 => {
                let n = index.saturating_sub(next() % 4);
                let guessed = Some(Revision { epoch: Epoch::default(), n }).filter(|_| next().is_multiple_of(2));
                let revision = if next().is_multiple_of(2) { seen(&deep) } else { guessed };
                batch.checks.push(Check { key: deep, revision });
            }
            _ => batch.puts.push((deep, next().to_be_bytes().to_vec().into())),
        }
    }
    if next().is_multiple_of(3) {
        batch.outcome = Some(index.to_be_bytes().to_vec().into());
    }
    entry(index, batch)
}

#[tokio::test]
async fn equal_logs_make_equal_states_however_they_are_cut_and_restarted() {
    let [one, two, three] = std::array::from_fn(|_| tempfile::tempdir().unwrap());
    let mut singly = open(three.path());
    let (mut log, mut next, mut held) = (Vec::new(), sequence(), 0);
    for index in 1..=400 {
        let view = singly.reader().snapshot().unwrap();
        let seen = |key: &RawKey| view.get(key).unwrap().map(|stored| stored.revision);
        let entry = anything(index, &mut next, &seen);
        let EntryPayload::Normal(Command::Batch(batch)) = &entry.payload else { panic!("it is a batch") };
        let checks = &batch.checks;
        held += usize::from(checks.iter().any(|check| check.revision.is_some() && check.revision == seen(&check.key)));
        apply(&mut singly, vec![entry.clone()]).await;
        log.push(entry);
    }
    assert!(held > 20, "many checks hold: {held}");
    let mut whole = open(one.path());
    apply(&mut whole, log.clone()).await;
    assert_eq!(*whole.reader().position().borrow(), *singly.reader().position().borrow());
    assert_eq!(content(&whole), content(&singly), "what is written together is what it would be one by one");
    for part in log.chunks(67) {
        let mut again = open(two.path());
        apply(&mut again, part.to_vec()).await;
    }
    let again = open(two.path());
    let (a, b) = (whole.reader(), again.reader());
    assert_eq!(*a.position().borrow(), *b.position().borrow());
    assert_eq!(content(&whole), content(&again));
    assert!(content(&whole).len() > 10, "the history leaves something");
    for n in 1..=400 {
        assert_eq!(a.outcome(&batch(n).id).unwrap(), b.outcome(&batch(n).id).unwrap());
    }
}

#[tokio::test]
async fn an_id_runs_once_also_after_a_restart_and_a_refused_one_may_run_again() {
    let data = tempfile::tempdir().unwrap();
    let mut machine = open(data.path());
    let mut first = batch(1);
    first.puts.push((key(Class::Replicated, b"a"), "one".into()));
    first.outcome = Some("answer".into());
    let mut refused = batch(2);
    refused.checks.push(Check { key: key(Class::Replicated, b"a"), revision: None });
    apply(&mut machine, vec![entry(1, first.clone()), entry(2, refused.clone())]).await;
    let ran_at = machine.reader().position().borrow().revision;
    drop(machine);

    let mut machine = open(data.path());
    let reader = machine.reader();
    let revision = reader.position().borrow().revision;
    first.puts[0].1 = "two".into();
    refused.checks.clear();
    refused.puts.push((key(Class::Replicated, b"b"), "b".into()));
    assert_eq!(reader.outcome(&refused.id).unwrap(), Outcome::NotRun);
    apply(&mut machine, vec![entry(3, first.clone()), entry(4, refused.clone())]).await;
    let ran = |revision, answer| Outcome::Ran(Ran { revision, answer });
    assert_eq!(reader.outcome(&first.id).unwrap(), ran(ran_at, Some("answer".into())));
    assert_eq!(reader.outcome(&refused.id).unwrap(), ran(ran_at.next(), None));
    assert_eq!(reader.position().borrow().revision, revision.next(), "only the retry of the refused one counted");
    let stored = reader.snapshot().unwrap().get(&key(Class::Replicated, b"a")).unwrap().unwrap();
    assert_eq!(stored.value, Value::Bytes("one".into()));
}

#[tokio::test]
async fn the_window_of_ids_is_bounded_and_says_when_it_cannot_tell() {
    let data = tempfile::tempdir().unwrap();
    let limits = Limits { count: 10, bytes: 1 << 20 };
    let mut machine = Machine::open_with(options(data.path()), limits).unwrap();
    for n in 1..=30 {
        apply(&mut machine, vec![entry(n, batch(n))]).await;
    }
    let check = |machine: &Machine| {
        let reader = machine.reader();
        assert_eq!(reader.position().borrow().evicted, 20);
        assert!(matches!(reader.outcome(&batch(21).id).unwrap(), Outcome::Ran(_)));
        assert_eq!(reader.outcome(&batch(20).id).unwrap(), Outcome::Forgotten);
        let unseen = |applied| RequestId { applied, random: [9; 16] };
        assert_eq!(reader.outcome(&unseen(19)).unwrap(), Outcome::Forgotten, "it could be the one at 20");
        assert_eq!(reader.outcome(&unseen(20)).unwrap(), Outcome::NotRun, "what ran at 21 and later is all there");
    };
    check(&machine);
    drop(machine);
    check(&Machine::open_with(options(data.path()), limits).unwrap());
}

#[tokio::test]
async fn refusals_name_their_key_and_time_never_runs_back() {
    let data = tempfile::tempdir().unwrap();
    let machine = open(data.path());
    let database = database::Database::open(data.path().join("beside")).unwrap();
    let outcomes = outcomes::Outcomes::new(Limits::default());
    let (position, membership) = (Position::default(), crate::consensus::StoredMembership::default());
    let (removed, loading, recovery, trail) = (RemovedKeys::default(), None, None, trail::Trail::default());
    let standing = Arc::default();
    let (format, fed, known) = (1, 0, known::Known::default());
    let mut live =
        apply::Live { position, membership, removed, outcomes, loading, recovery, format, trail, standing, fed, known };
    let mut group = apply::Group::default();
    let mut spent = batch(9);
    let uses = key(Class::Replicated, b"uses");
    spent.counters.push(CounterChange { key: uses.clone(), op: CounterOp::Add { by: -1, floor: 0 } });
    let journal = Journal::default();
    let answer = live.apply(&database, &journal, &mut group, &entry(1, spent)).unwrap();
    assert_eq!(answer, crate::consensus::Applied::Refused(Refusal::Floor(uses)));
    live.apply(&database, &journal, &mut group, &entry(2, batch(4))).unwrap();
    assert_eq!((live.position.time, live.position.index()), (Millis(1009), 2));
    assert_eq!(machine.reader().applied(), 0);
}

#[tokio::test]
async fn an_epoch_begins_once_and_only_upwards() {
    let data = tempfile::tempdir().unwrap();
    let mut machine = open(data.path());
    let reader = machine.reader();
    let (first, fork) = (Epoch { number: 1, bits: 7 }, Epoch { number: 1, bits: 8 });
    apply(&mut machine, vec![command(1, Command::Epoch(first)), command(2, Command::Epoch(fork))]).await;
    assert_eq!(reader.position().borrow().revision.epoch, first);
    let before = reader.snapshot().unwrap();
    assert_eq!(before.changes_since(Revision::default()), None, "of another line of history");
    let mut put = batch(3);
    put.puts.push((key(Class::Replicated, b"a"), "x".into()));
    put.prefix_deletes.push(key(Class::Local, b"p"));
    apply(&mut machine, vec![entry(3, put)]).await;
    let changes = reader.snapshot().unwrap().changes_since(before.revision()).unwrap();
    let [(1, change)] = &changes[..] else { panic!("one change: {changes:?}") };
    assert_eq!(change.keys[..], [key(Class::Replicated, b"a")]);
    assert_eq!(change.prefixes[..], [], "what is the cluster's own does not move the revision");
    assert_eq!(before.changes_since(before.revision()), Some(Vec::new()), "an earlier snapshot knows of nothing later");
}

#[tokio::test]
async fn nothing_is_applied_before_this_node_s_log_has_it_on_disk() {
    let data = tempfile::tempdir().unwrap();
    let (log, durable) = watch::channel(Durable { next: 1, ended: false });
    let mut machine = Machine::open(MachineOptions { durable: Some(durable), ..options(data.path()) }).unwrap();
    let reader = machine.reader();
    let waiting = tokio::spawn(async move {
        let entries = stream::iter([Ok((entry(1, batch(1)), None))]);
        machine.apply(entries).await.map(|()| machine)
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(reader.applied(), 0);
    log.send_replace(Durable { next: 2, ended: false });
    let mut machine = waiting.await.unwrap().unwrap();
    assert_eq!(reader.applied(), 1);
    log.send_replace(Durable { next: 2, ended: true });
    assert!(machine.apply(stream::iter([Ok((entry(2, batch(2)), None))])).await.is_err(), "it will never be on disk");
    assert_eq!(reader.applied(), 1);
}

#[tokio::test]
async fn a_start_deletes_what_a_crash_left_and_keeps_what_is_current() {
    let (source, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut full = open(source.path());
    apply(&mut full, history(50)).await;
    let snapshot = full.get_snapshot_builder().await.build_snapshot().await.unwrap();

    let mut machine = open(target.path());
    apply(&mut machine, history(10)).await;
    let view = machine.reader().snapshot().unwrap();
    machine.install_snapshot(&snapshot.meta, snapshot.snapshot.clone()).await.unwrap();
    assert_eq!(content(&machine), content(&full));
    assert!(target.path().join("sm-0").exists(), "a reader holds the old state");
    drop(view);
    assert!(!target.path().join("sm-0").exists());
    drop(machine);

    // As if an install had been cut off before the pointer, and snapshots half-made and half-received.
    for folder in ["sm-7", "snap/tmp-x", "snap/recv-x"] {
        fs::create_dir(target.path().join(folder)).unwrap();
        fs::write(target.path().join(folder).join("CURRENT"), b"MANIFEST-000001\n").unwrap();
    }
    let machine = open(target.path());
    assert_eq!(content(&machine), content(&full));
    for folder in ["sm-7", "snap/tmp-x", "snap/recv-x"] {
        assert!(!target.path().join(folder).exists(), "{folder} is gone");
    }
    assert_eq!(machine.reader().current_checkpoint().unwrap().meta(), &snapshot.meta);
}

#[tokio::test]
async fn a_snapshot_that_lies_about_its_state_is_not_installed() {
    let (source, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut full = open(source.path());
    apply(&mut full, history(20)).await;
    let snapshot = full.get_snapshot_builder().await.build_snapshot().await.unwrap();
    let mut machine = open(target.path());
    let mut meta = snapshot.meta.clone();
    meta.last_log_id = Some(LogId { leader_id: LeaderId { term: 1, node_id: 1 }, index: 21 });
    assert!(machine.install_snapshot(&meta, snapshot.snapshot.clone()).await.is_err());
    assert_eq!(machine.reader().applied(), 0);

    let receiving = machine.reader().receive().unwrap();
    for name in ["../x", "a/b", "", ".hidden", "LOCK\0"] {
        assert!(matches!(receiving.create(name), Err(crate::snapshot::ReceiveError::BadName(_))), "{name:?}");
    }
    for (name, _) in snapshot.snapshot.files().unwrap() {
        let mut file = receiving.create(&name).unwrap();
        let mut from = fs::File::open(snapshot.snapshot.folder().join(&name)).unwrap();
        std::io::copy(&mut from, &mut file).unwrap();
    }
    let received = receiving.finish(&snapshot.meta).unwrap();
    machine.install_snapshot(&snapshot.meta, received.clone()).await.unwrap();
    let folder = received.folder().to_owned();
    drop(received);
    assert!(!folder.exists(), "what was received lives on in the state alone");
    assert_eq!(content(&machine), content(&full));
}

#[tokio::test]
async fn a_newer_snapshot_takes_the_place_of_an_older_one_when_its_readers_are_gone() {
    let data = tempfile::tempdir().unwrap();
    let mut machine = open(data.path());
    let log = history(30);
    apply(&mut machine, log[..10].to_vec()).await;
    let old = machine.get_snapshot_builder().await.build_snapshot().await.unwrap().snapshot;
    apply(&mut machine, log[10..].to_vec()).await;
    let new = machine.get_snapshot_builder().await.build_snapshot().await.unwrap().snapshot;
    assert_eq!(new.meta().last_log_id, Some(log[29].log_id));
    let folder = old.folder().to_owned();
    assert!(folder.exists(), "somebody may be sending it");
    drop(old);
    assert!(!folder.exists());
    drop((machine, new));
    assert_eq!(open(data.path()).reader().current_checkpoint().unwrap().meta().last_log_id, Some(log[29].log_id));
}

#[tokio::test]
async fn a_version_that_does_not_know_the_format_opens_nothing_and_deletes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let next = || MachineOptions { formats: Formats { oldest: 1, newest: 2 }, ..options(data.path()) };
    let refused = |what: &str| match Machine::open(options(data.path())).err() {
        Some(OpenError::Level(said)) => assert!(said.contains("reads up to 1"), "{what}: {said}"),
        other => panic!("{what}: {other:?}"),
    };
    let opened = next();
    let level = opened.level.clone();
    let mut machine = Machine::open(opened).unwrap();
    apply(&mut machine, history(10)).await;
    assert_eq!(level.get(), 1);
    apply(&mut machine, vec![command(11, Command::Format(2))]).await;
    assert_eq!((level.get(), machine.reader().format()), (2, 2));
    let meta = machine.get_snapshot_builder().await.build_snapshot().await.unwrap().meta;
    drop(machine);
    refused("the state");
    // As a power cut may leave it, for the state is not synced: it does not know the level any more, but the snapshot does.
    fs::remove_dir_all(data.path().join("sm-0")).unwrap();
    refused("the snapshot");
    let kept = Machine::open(next()).unwrap().reader().current_checkpoint().unwrap();
    assert_eq!(kept.meta(), &meta);
}
