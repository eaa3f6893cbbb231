//! Loading the replicated keys anew: what each step changes, what a cut between two steps leaves.

use bytes::Bytes;
use storage::Revision;

use super::*;
use crate::bulk::{Bulk, Chunk, Landing, LoadId, Switch};
use crate::consensus::Applied;
use crate::format::Form;

const LOAD: LoadId = LoadId([1; 16]);
const OTHER: LoadId = LoadId([2; 16]);
const EPOCH: Epoch = Epoch { number: 5, bits: 55 };

fn begin(load: LoadId) -> Command {
    Command::Bulk(Bulk::Begin(load))
}

fn end(load: LoadId) -> Command {
    Command::Bulk(Bulk::End(load))
}

/// Two records, which say where they come from.
fn chunk(load: LoadId, number: u32) -> Command {
    let record = |n: u8| {
        let value = Value::Bytes(vec![load.0[0], n].into());
        let name = [u8::try_from(number).unwrap(), n];
        (key(Class::Replicated, &name), Bytes::from(value::encode(Revision::default().next(), &value, Form::First)))
    };
    Command::Bulk(Bulk::Chunk(Arc::new(Chunk { load, number, records: vec![record(0), record(1)] })))
}

fn switch_to(load: LoadId, chunks: u32, epoch: Epoch) -> Command {
    let puts = vec![
        (key(Class::Replicated, b"on top"), Bytes::from_static(b"r")),
        (key(Class::Local, b"on top"), Bytes::from_static(b"l")),
    ];
    let prefix_deletes = vec![key(Class::Local, b"old")];
    let (n, fingerprint, checks, landing) = (40, [4; 32], Vec::new(), Landing::Raised);
    let switch = Switch { load, chunks, epoch, n, fingerprint, checks, puts, prefix_deletes, landing };
    Command::Bulk(Bulk::Switch(Arc::new(switch)))
}

fn switch(load: LoadId, chunks: u32) -> Command {
    switch_to(load, chunks, EPOCH)
}

fn commands(first: u64, commands: impl IntoIterator<Item = Command>) -> Vec<Entry> {
    (first..).zip(commands).map(|(index, c)| command(index, c)).collect()
}

/// A history with a load that was given up, and one that was switched to, among other writes.
fn log_with_loads() -> Vec<Entry> {
    let mut log = history(30);
    let mut old = batch(31);
    old.puts.push((key(Class::Local, b"old"), "x".into()));
    log.push(entry(31, old));
    log.extend(commands(32, [begin(OTHER), chunk(OTHER, 0), chunk(OTHER, 1)]));
    let mut between = batch(35);
    between.puts.push((key(Class::Replicated, b"between"), "lost by the switch".into()));
    log.push(entry(35, between));
    log.extend(commands(36, [begin(LOAD), chunk(LOAD, 0), chunk(LOAD, 1), switch(LOAD, 2)]));
    let mut after = batch(40);
    after.puts.push((key(Class::Replicated, b"after"), "stays".into()));
    log.push(entry(40, after));
    log
}

#[tokio::test]
async fn what_is_loaded_shows_with_the_switch_and_not_before() {
    let data = tempfile::tempdir().unwrap();
    let mut machine = open(data.path());
    let log = log_with_loads();
    apply(&mut machine, log[..35].to_vec()).await;
    let (before, position) = (content(&machine), machine.reader().position().borrow().clone());
    let view = machine.reader().snapshot().unwrap();
    apply(&mut machine, log[35..38].to_vec()).await;
    assert_eq!(content(&machine), before, "a load shows nothing");
    let reader = machine.reader();
    assert_eq!(reader.position().borrow().fingerprint, position.fingerprint);
    assert_eq!(reader.loading(), Some(Loading { id: LOAD, chunks: 2, merging: None }));

    let epochs = reader.epoch();
    assert_ne!(*epochs.borrow(), EPOCH);
    apply(&mut machine, log[38..].to_vec()).await;
    assert_eq!(reader.snapshot().unwrap().changes_since(view.revision()), None, "anything may have changed");
    assert!(epochs.has_changed().unwrap());
    let position = reader.position().borrow().clone();
    assert_eq!(
        position.revision,
        Revision { epoch: EPOCH, n: 42 },
        "one for what lies on top, one for the write after"
    );
    assert_eq!((position.generation, reader.loading()), (1, None));

    let keys: Vec<Vec<u8>> =
        content(&machine).into_iter().map(|(name, _)| name).filter(|name| name[0] == Class::Replicated as u8).collect();
    let expected = [&[0, 0][..], &[0, 1], &[1, 0], &[1, 1], b"after", b"on top"];
    assert_eq!(keys, expected.map(|name| key(Class::Replicated, name).into_bytes()));
    let get = |name: &[u8], class| reader.snapshot().unwrap().get(&key(class, name)).unwrap();
    assert_eq!(get(&[0, 1], Class::Replicated).unwrap().value, Value::Bytes(vec![1, 1].into()), "not the other load's");
    assert_eq!(get(b"on top", Class::Local).unwrap().value, Value::Bytes("l".into()));
    assert_eq!(get(b"old", Class::Local), None);
    assert!(view.get(&key(Class::Replicated, b"between")).unwrap().is_some(), "who reads the old state goes on");
}

#[tokio::test]
async fn a_cut_between_any_two_steps_changes_nothing() {
    let whole = tempfile::tempdir().unwrap();
    let mut machine = open(whole.path());
    let log = log_with_loads();
    apply(&mut machine, log.clone()).await;
    let (position, all) = (machine.reader().position().borrow().clone(), content(&machine));
    for cut in 30..log.len() {
        let (restarted, received) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut first = open(restarted.path());
        apply(&mut first, log[..cut].to_vec()).await;
        let snapshot = first.get_snapshot_builder().await.build_snapshot().await.unwrap();
        drop(first);

        let mut again = open(restarted.path());
        apply(&mut again, log[cut..].to_vec()).await;
        assert_eq!(*again.reader().position().borrow(), position, "restarted at {cut}");
        assert_eq!(content(&again), all, "restarted at {cut}");

        let mut copy = open(received.path());
        copy.install_snapshot(&snapshot.meta, snapshot.snapshot.clone()).await.unwrap();
        apply(&mut copy, log[cut..].to_vec()).await;
        assert_eq!(*copy.reader().position().borrow(), position, "copied at {cut}");
        assert_eq!(content(&copy), all, "copied at {cut}");
        assert_eq!(copy.reader().loading(), None);
    }
}

#[tokio::test]
async fn steps_out_of_turn_are_refused() {
    let data = tempfile::tempdir().unwrap();
    let database = database::Database::open(data.path().join("sm")).unwrap();
    let outcomes = outcomes::Outcomes::new(Limits::default());
    let position = Position { revision: Revision { epoch: Epoch { number: 4, bits: 4 }, n: 9 }, ..Position::default() };
    let membership = crate::consensus::StoredMembership::default();
    let (removed, loading, recovery, trail) = (RemovedKeys::default(), None, None, trail::Trail::default());
    let standing = Arc::default();
    let (format, fed, known) = (1, 0, known::Known::default());
    let mut live =
        apply::Live { position, membership, removed, outcomes, loading, recovery, format, trail, standing, fed, known };
    let (mut index, journal) = (0, storage::Journal::default());
    let mut answer = |given: Command| {
        index += 1;
        live.apply(&database, &journal, &mut apply::Group::default(), &command(index, given)).unwrap()
    };
    for early in [chunk(LOAD, 0), switch(LOAD, 0), end(LOAD)] {
        assert_eq!(answer(early), Applied::NotThisLoad, "none has begun");
    }
    assert_eq!(answer(begin(OTHER)), Applied::Loaded);
    assert_eq!(answer(begin(LOAD)), Applied::Loaded, "a second one takes the place of the first");
    assert_eq!(answer(chunk(OTHER, 0)), Applied::NotThisLoad);
    assert_eq!(answer(chunk(LOAD, 1)), Applied::NotThisLoad, "the first is missing");
    assert_eq!(answer(chunk(LOAD, 0)), Applied::Loaded);
    assert_eq!(answer(chunk(LOAD, 0)), Applied::NotThisLoad, "it is there already");
    assert_eq!(answer(switch(LOAD, 2)), Applied::NotThisLoad, "one chunk is missing");
    assert_eq!(
        answer(switch_to(LOAD, 1, Epoch { number: 4, bits: 9 })),
        Applied::NotThisLoad,
        "no new line of history"
    );
    assert_eq!(answer(end(OTHER)), Applied::NotThisLoad);
    let Command::Bulk(Bulk::Switch(mistaken)) = switch(LOAD, 1) else { unreachable!() };
    let checks = vec![Check { key: key(Class::Local, b"seal"), revision: Some(Revision::default()) }];
    let mistaken = Switch { checks, ..(*mistaken).clone() };
    assert_eq!(
        answer(Command::Bulk(Bulk::Switch(Arc::new(mistaken)))),
        Applied::NotThisLoad,
        "made from something else"
    );
    assert_eq!(answer(switch(LOAD, 1)), Applied::Switched(Revision { epoch: EPOCH, n: 41 }));
    for late in [switch(LOAD, 1), chunk(LOAD, 1), end(LOAD)] {
        assert_eq!(answer(late), Applied::NotThisLoad, "it is over");
    }
    assert_eq!(answer(begin(LOAD)), Applied::Loaded);
    assert_eq!(answer(chunk(LOAD, 0)), Applied::Loaded);
    assert_eq!(answer(end(LOAD)), Applied::Loaded);
    assert_eq!(answer(begin(LOAD)), Applied::Loaded);
    let above = Epoch { number: 6, bits: 6 };
    assert_eq!(answer(switch_to(LOAD, 0, above)), Applied::Switched(Revision { epoch: above, n: 41 }));
    assert_eq!(live.position.generation, 2);
    assert_eq!(database.brief(2, &key(Class::Replicated, &[0, 0])).unwrap(), None, "what was ended left nothing");
    assert_eq!(database.brief(1, &key(Class::Replicated, &[0, 0])).unwrap(), None, "nor does the old generation stay");
}

#[tokio::test]
async fn a_batch_of_the_line_that_ended_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let mut machine = open(data.path());
    let reader = machine.reader();
    apply(&mut machine, commands(1, [Command::Epoch(Epoch { number: 1, bits: 1 }), begin(LOAD), chunk(LOAD, 0)])).await;
    let mut prepared = batch(7);
    prepared.epoch = Some(reader.position().borrow().revision.epoch);
    prepared.puts.push((key(Class::Replicated, b"late"), "x".into()));
    apply(&mut machine, commands(4, [switch(LOAD, 1), Command::batch(prepared)])).await;
    assert_eq!(reader.snapshot().unwrap().get(&key(Class::Replicated, b"late")).unwrap(), None);
    assert_eq!(reader.position().borrow().revision, Revision { epoch: EPOCH, n: 41 });
}
