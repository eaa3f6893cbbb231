//! What DR replication does to the state: a feed that leads from one state to the same state elsewhere, and nothing else.

use bytes::Bytes;
use storage::Revision;

use super::*;
use crate::bulk::{Bulk, Chunk, Landing, LoadId, Merge, Switch};
use crate::dr::{Adopted, DrRole, Enrolment, Fed, Secondary, Source, Stand};

const LOAD: LoadId = LoadId([1; 16]);

struct Stage {
    machine: Machine,
    index: u64,
    _data: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        Self { machine: open(data.path()), index: 0, _data: data }
    }

    async fn does(&mut self, given: impl IntoIterator<Item = Command>) {
        let mut entries = Vec::new();
        for given in given {
            self.index += 1;
            entries.push(command(self.index, given));
        }
        apply(&mut self.machine, entries).await;
    }

    async fn stands(&mut self, role: DrRole, epoch: Option<u64>) {
        let seen = self.version();
        self.does([Command::Stand(Arc::new(Stand { seen, role, reign: 1, epoch }))]).await;
        assert_eq!(self.version(), seen + 1);
    }

    fn version(&self) -> u64 {
        self.machine.reader().standing().borrow().version
    }

    fn at(&self) -> (Revision, [u8; 32]) {
        let position = self.machine.reader().position();
        let position = position.borrow();
        (position.revision, position.fingerprint)
    }

    fn steps(&self, (revision, fingerprint): (Revision, [u8; 32])) -> Option<Vec<Fed>> {
        match self.machine.reader().fed_behind(revision, fingerprint, 1 << 20).unwrap() {
            Behind::Steps(steps) => Some(steps.into_iter().map(|step| Fed::decode(step).unwrap()).collect()),
            Behind::Unknown => None,
        }
    }

    fn replicated(&self) -> Vec<(Vec<u8>, storage::Stored)> {
        let replicated = |(key, _): &(Vec<u8>, storage::Stored)| key[0] == Class::Replicated as u8;
        content(&self.machine).into_iter().filter(replicated).collect()
    }
}

fn primary() -> DrRole {
    let enrolment = Enrolment::Enrolled { members: Vec::new(), shown: None };
    DrRole::Primary { secondaries: vec![Secondary { id: "a".into(), enrolment }] }
}

fn secondary() -> DrRole {
    DrRole::Secondary(Source::default())
}

fn changes(from: u64, to: u64) -> Vec<Command> {
    let all = history(to).into_iter().skip(usize::try_from(from).unwrap());
    all.map(|entry| match entry.payload {
        EntryPayload::Normal(command) => command,
        _ => unreachable!("a history is made of batches"),
    })
    .collect()
}

#[tokio::test]
async fn a_feed_leads_to_the_same_state_elsewhere() {
    let (mut here, mut there) = (Stage::new(), Stage::new());
    here.stands(primary(), None).await;
    there.stands(secondary(), None).await;
    let begin = there.at();
    here.does(changes(0, 60)).await;
    here.does([Command::Epoch(Epoch { number: 3, bits: 5 })]).await;
    here.does(changes(60, 80)).await;
    let steps = here.steps(begin).expect("both begin at nothing");
    assert!(steps.len() > 20);
    let (first, rest) = steps.split_at(7);
    there.does([Command::Follow(first.into()), Command::Follow(rest.into())]).await;
    assert_eq!(there.at(), here.at());
    assert_eq!(there.replicated(), here.replicated());
    assert_eq!(here.steps(here.at()), Some(Vec::new()));
}

#[tokio::test]
async fn a_step_that_does_not_follow_changes_nothing() {
    let (mut here, mut there) = (Stage::new(), Stage::new());
    here.stands(primary(), None).await;
    there.stands(secondary(), None).await;
    let begin = there.at();
    here.does(changes(0, 30)).await;
    let steps = here.steps(begin).unwrap();
    let mut altered = steps.clone();
    altered[0].fingerprint[0] ^= 1;
    there.does([Command::Follow(steps[1..].into()), Command::Follow(altered.into())]).await;
    assert_eq!(there.at(), begin);
    assert!(there.replicated().is_empty());
    there.does([Command::Follow(steps.into())]).await;
    assert_eq!(there.at(), here.at());
}

#[tokio::test]
async fn a_secondary_takes_no_change_of_its_own_but_keeps_what_is_its_clusters() {
    let mut there = Stage::new();
    there.stands(secondary(), None).await;
    let (mut replicated, mut local) = (batch(1), batch(2));
    replicated.puts.push((key(Class::Replicated, b"a"), "x".into()));
    replicated.puts.push((key(Class::Local, b"a"), "x".into()));
    local.puts.push((key(Class::Local, b"b"), "x".into()));
    there.does([Command::batch(replicated), Command::batch(local)]).await;
    let keys: Vec<Vec<u8>> = content(&there.machine).into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [key(Class::Local, b"b").as_bytes()]);
}

#[tokio::test]
async fn a_standing_is_changed_from_the_one_that_was_seen() {
    let mut here = Stage::new();
    here.stands(primary(), None).await;
    let stale = Stand { seen: 0, role: secondary(), reign: 1, epoch: Some(9) };
    here.does([Command::Stand(Arc::new(stale))]).await;
    assert_eq!(here.version(), 1);
    assert_eq!(here.at().0.epoch, Epoch::default());
    here.does(changes(0, 5)).await;
    let before = here.at();
    here.stands(primary(), Some(9)).await;
    assert_eq!(here.at().0, Revision { epoch: Epoch { number: 1, bits: 9 }, n: before.0.n });
    assert_eq!(here.steps(before).map(|steps| steps.len()), Some(1), "who has what was before is led over");
}

#[tokio::test]
async fn a_feed_begins_with_its_first_follower_is_cut_and_ends_with_the_last() {
    let mut here = Stage::new();
    here.does(changes(0, 20)).await;
    let nothing = (Revision::default(), [0; 32]);
    let begin = here.at();
    here.stands(primary(), None).await;
    here.does(changes(20, 40)).await;
    let middle = here.at();
    here.does(changes(40, 60)).await;
    assert_eq!(here.steps(nothing), None);
    assert!(here.steps(begin).is_some());
    let reader = here.machine.reader();
    let whole = reader.feed_bytes().unwrap();
    here.does([Command::Trim(middle.0)]).await;
    assert_eq!(here.steps(begin), None);
    assert!(here.steps(middle).is_some_and(|steps| !steps.is_empty()));
    let cut = reader.feed_bytes().unwrap();
    assert!(cut < whole && cut > 0, "{cut} of {whole}");
    assert_eq!(reader.feed_within(whole).unwrap(), Some(middle.0));
    assert_eq!(reader.feed_within(1).unwrap(), Some(here.at().0));
    here.stands(DrRole::Alone, None).await;
    assert_eq!(reader.feed_bytes().unwrap(), 0);
}

#[tokio::test]
async fn a_restore_begins_the_feed_anew() {
    let mut here = Stage::new();
    here.stands(primary(), None).await;
    here.does(changes(0, 20)).await;
    let before = here.at();
    here.does([Command::Bulk(Bulk::Begin(LOAD)), switch(0, raised(), Landing::Raised)]).await;
    assert_eq!(here.steps(before), None);
    assert_eq!(here.steps(here.at()), Some(Vec::new()));
}

/// To what that many chunks have brought.
fn switch(chunks: u32, to: Revision, landing: Landing) -> Command {
    Command::Bulk(Bulk::Switch(Arc::new(Switch {
        load: LOAD,
        chunks,
        epoch: to.epoch,
        n: to.n,
        fingerprint: [4; 32],
        checks: Vec::new(),
        puts: Vec::new(),
        prefix_deletes: Vec::new(),
        landing,
    })))
}

fn raised() -> Revision {
    Revision { epoch: Epoch { number: 5, bits: 5 }, n: 3 }
}

fn moment() -> Revision {
    Revision { epoch: Epoch { number: 2, bits: 8 }, n: 77 }
}

fn chunk(records: Vec<(RawKey, Bytes)>) -> Command {
    Command::Bulk(Bulk::Chunk(Arc::new(Chunk { load: LOAD, number: 0, records })))
}

fn record(n: usize, size: usize) -> (RawKey, Bytes) {
    let value = Value::Bytes(vec![7; size].into());
    let record = value::encode(moment(), &value, crate::format::Form::First);
    (key(Class::Replicated, format!("large{n:04}").as_bytes()), record.into())
}

#[tokio::test]
async fn another_clusters_state_is_adopted_as_it_is_at_a_lower_epoch_too() {
    let mut here = Stage::new();
    here.does([Command::Epoch(Epoch { number: 9, bits: 1 })]).await;
    here.does(changes(0, 20)).await;
    let adopted = Adopted {
        puts: vec![(key(Class::Local, b"wraps"), "new".into())],
        prefix_deletes: vec![key(Class::Local, b"\0")],
    };
    here.stands(DrRole::Secondary(Source { adopting: Some(adopted), ..Source::default() }), None).await;
    let switch = switch(1, moment(), Landing::Adopted);
    here.does([Command::Bulk(Bulk::Begin(LOAD)), chunk(vec![record(1, 10)]), switch]).await;
    assert_eq!(here.at(), (moment(), [4; 32]));
    assert_eq!(here.replicated().len(), 1);
    let snapshot = here.machine.reader().snapshot().unwrap();
    assert!(snapshot.get(&key(Class::Local, b"wraps")).unwrap().is_some());
    let standing = here.machine.reader().standing().borrow().clone();
    assert_eq!(standing.source().map(|source| source.adopting.is_none()), Some(true));
}

#[tokio::test]
async fn a_merge_is_made_in_bounded_steps_and_nothing_takes_it_back() {
    let mut here = Stage::new();
    here.does(changes(0, 60)).await;
    let gone = here.replicated()[0].0.clone();
    here.stands(secondary(), None).await;
    let mut records: Vec<_> = (0..12).map(|n| record(n, 1 << 20)).collect();
    records.push((RawKey::parse(gone.clone()).unwrap(), Bytes::new()));
    let before = here.at();
    let merge = |base| {
        let merge = Merge { load: LOAD, chunks: 1, base, revision: moment(), fingerprint: [4; 32] };
        Command::Bulk(Bulk::Merge(Arc::new(merge)))
    };
    here.does([Command::Bulk(Bulk::Begin(LOAD)), chunk(records), merge((before.0, [9; 32]))]).await;
    let merging = |here: &Stage| here.machine.reader().loading().is_some_and(|loading| loading.merging.is_some());
    assert!(!merging(&here), "it was made from another state");
    here.does([merge(before)]).await;
    assert!(merging(&here));
    for lost in [Bulk::Begin(LoadId([2; 16])), Bulk::End(LOAD)] {
        here.does([Command::Bulk(lost)]).await;
    }
    let seen = here.version();
    here.does([Command::Stand(Arc::new(Stand { seen, role: DrRole::Alone, reign: 1, epoch: Some(1) }))]).await;
    assert_eq!(here.version(), seen, "half a state is nobody's to serve");
    let mut steps = 0;
    while here.machine.reader().loading().is_some() {
        assert_eq!(here.at(), before, "until all is in its place");
        here.does([Command::Bulk(Bulk::Step(LOAD))]).await;
        steps += 1;
    }
    assert!((3..8).contains(&steps), "{steps} steps");
    assert_eq!(here.at(), (moment(), [4; 32]));
    let keys: Vec<Vec<u8>> = here.replicated().into_iter().map(|(key, _)| key).collect();
    assert!(!keys.contains(&gone));
    assert_eq!(keys.iter().filter(|key| key.ends_with(b"0003")).count(), 1);
}

#[tokio::test]
async fn a_load_ends_with_the_role_that_it_was_meant_for() {
    let raised = switch(0, raised(), Landing::Raised);
    let mut here = Stage::new();
    here.stands(primary(), None).await;
    here.does(changes(0, 20)).await;
    let before = here.at();
    here.does([Command::Bulk(Bulk::Begin(LOAD))]).await;
    here.stands(secondary(), None).await;
    assert_eq!(here.machine.reader().loading(), None, "a restore is overtaken by the change of roles");
    here.does([Command::Bulk(Bulk::Begin(LOAD)), raised]).await;
    assert_eq!(here.at(), before, "and none is carried out on a secondary");

    let first = DrRole::Secondary(Source { id: "a".into(), adopting: Some(Adopted::default()), ..Source::default() });
    let other = DrRole::Secondary(Source { id: "b".into(), adopting: Some(Adopted::default()), ..Source::default() });
    here.stands(first.clone(), None).await;
    here.does([Command::Bulk(Bulk::Begin(LOAD))]).await;
    here.stands(first, None).await;
    assert!(here.machine.reader().loading().is_some(), "where the primary's nodes are does not matter");
    here.stands(other, None).await;
    assert_eq!(here.machine.reader().loading(), None, "another primary's records are not these");
}
