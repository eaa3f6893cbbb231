//! What each kind of log entry does to the state.
//!
//! An entry is worked out in full before anything changes: the write and the new position are built beside the old ones,
//! and take their place then. Entries that only change records are written together: the database goes from one group's end to the
//! next one's, and never shows a part of one.

use std::sync::Arc;

use openraft::EntryPayload;
use rocksdb::WriteBatch;
use storage::apply::{Effects, decide};
use storage::{Batch, Change, Class, Committed, Epoch, Journal, Millis, RawKey, StoreError};

use super::database::{DATA, Database, FORMAT, MEMBERSHIP, META, OUTCOMES, POSITION, RECOVERY, REMOVED, STANDING};
use super::known::Known;
use super::loading::Loading;
use super::outcomes::{self, Outcomes};
use super::position::Position;
use super::trail::Trail;
use super::{feed, fingerprint, key, value};
use crate::consensus::{Applied, Command, Entry, Membership, StoredMembership};
use crate::dr::{Fact, Standing};
use crate::format::Form;
use crate::identity::{PublicKey, RemovedKeys};
use crate::log::encoding;
use crate::recovery::{Recovered, Recovery};

/// What apply knows of the state without reading it.
pub(super) struct Live {
    pub position: Position,
    pub membership: StoredMembership,
    /// Whose nodes were members once.
    pub removed: RemovedKeys,
    pub outcomes: Outcomes,
    pub loading: Option<Loading>,
    pub recovery: Option<Arc<Recovery>>,
    /// The cluster's level.
    pub format: u32,
    pub trail: Trail,
    /// How the cluster stands to others.
    pub standing: Arc<Standing>,
    /// How many bytes were ever written to the feed.
    pub fed: u64,
    pub known: Known,
}

/// The entries that are applied and not in the database yet.
#[derive(Default)]
pub(super) struct Group {
    write: WriteBatch,
    entries: usize,
}

/// An entry's effect, worked out but not written.
pub(super) struct Planned {
    pub write: WriteBatch,
    pub position: Position,
    /// Of the level at this entry.
    form: Form,
    pub answer: Applied,
    pub change: Option<Change>,
    membership: Option<StoredMembership>,
    removed: Option<RemovedKeys>,
    outcome: Option<KeptOutcome>,
    /// The load that is under way from now on, if that changes.
    pub loading: Option<Option<Loading>>,
    recovery: Option<Arc<Recovery>>,
    format: Option<u32>,
    standing: Option<Standing>,
    pub fed: u64,
    /// What was remembered of the history before does not count any more.
    forgets: bool,
}

struct KeptOutcome {
    bytes: usize,
    evicted: usize,
}

impl Live {
    /// Applies one entry, as one of a group. An error means that the state cannot go on.
    pub fn apply(
        &mut self,
        database: &Database,
        journal: &Journal,
        group: &mut Group,
        entry: &Entry,
    ) -> Result<Applied, StoreError> {
        let alone = !self.goes_together(entry);
        if alone {
            self.write(database, group)?;
        }
        let mut planned = Planned {
            write: std::mem::take(&mut group.write),
            position: Position { applied: Some(entry.log_id), ..self.position.clone() },
            form: Form::of(self.format),
            answer: Applied::Blank,
            change: None,
            membership: None,
            removed: None,
            outcome: None,
            loading: None,
            recovery: None,
            format: None,
            standing: None,
            fed: self.fed,
            forgets: false,
        };
        match &entry.payload {
            EntryPayload::Blank => {}
            EntryPayload::Membership(membership) => {
                let stored = StoredMembership::new(Some(entry.log_id), membership.clone());
                planned.membership(database, stored, self);
            }
            EntryPayload::Normal(Command::Epoch(epoch)) => planned.epoch(database, *epoch, &self.standing),
            EntryPayload::Normal(Command::Batch(batch)) => self.batch(database, batch, &mut planned)?,
            EntryPayload::Normal(Command::Bulk(bulk)) => self.bulk(database, bulk, &mut planned)?,
            EntryPayload::Normal(Command::Format(format)) => {
                let level = self.format.max(*format);
                planned.write.put_cf(database.column(META), FORMAT, level.to_be_bytes());
                planned.format = Some(level);
            }
            EntryPayload::Normal(Command::Recovered(recovered)) => {
                planned.recovered(database, recovered, &self.standing);
            }
            EntryPayload::Normal(Command::Stand(stand)) => self.stand(database, stand, &mut planned),
            EntryPayload::Normal(Command::Follow(steps)) => self.follow(database, journal, steps, &mut planned),
            EntryPayload::Normal(Command::Trim(upto)) => feed::trim(database, &mut planned.write, *upto),
        }
        if let Some(change) = planned.change.take() {
            planned.tell(journal, change);
        }
        (group.write, group.entries) = (planned.write, group.entries + 1);
        self.position = planned.position;
        self.fed = planned.fed;
        if planned.forgets {
            self.trail = Trail::from(&self.position);
        }
        self.trail.note(&self.position);
        if let Some(standing) = planned.standing {
            self.standing = Arc::new(standing);
        }
        if let Some(membership) = planned.membership {
            self.membership = membership;
        }
        if let Some(removed) = planned.removed {
            self.removed = removed;
        }
        if let Some(loading) = planned.loading {
            self.loading = loading;
        }
        if let Some(format) = planned.format {
            self.format = format;
        }
        if let Some(recovery) = planned.recovery {
            self.recovery = Some(recovery);
        }
        if let (Some(kept), EntryPayload::Normal(Command::Batch(batch))) = (planned.outcome, &entry.payload) {
            self.outcomes.evict(kept.evicted);
            self.outcomes.push(entry.log_id.index, batch.id, kept.bytes);
        }
        if alone {
            self.write(database, group)?;
            self.known.forget();
        }
        Ok(planned.answer)
    }

    /// Whether all that the entry reads and changes is records one by one, so that what is not written yet is known.
    fn goes_together(&self, entry: &Entry) -> bool {
        let EntryPayload::Normal(Command::Batch(batch)) = &entry.payload else { return false };
        batch.prefix_deletes.is_empty() && self.outcomes.find(&batch.id).is_none()
    }

    /// The group's entries are in the database, and visible, or none of them is.
    pub fn write(&mut self, database: &Database, group: &mut Group) -> Result<(), StoreError> {
        let Group { mut write, entries } = std::mem::take(group);
        if entries == 0 {
            return Ok(());
        }
        write.put_cf(database.column(META), POSITION, self.position.encode(Form::of(self.format)));
        database.write(write)?;
        self.known.settle();
        Ok(())
    }

    fn batch(&mut self, database: &Database, batch: &Batch, planned: &mut Planned) -> Result<(), StoreError> {
        planned.position.time = self.position.time.max(batch.now);
        if let Some(index) = self.outcomes.find(&batch.id) {
            planned.answer = Applied::Repeated(database.ran(index)?);
            return Ok(());
        }
        let generation = self.position.generation;
        #[cfg(feature = "faults")]
        let batch = &*crate::under_test::checked(batch);
        let known = &mut self.known;
        let mut get = |key: &RawKey| match known.get(key) {
            Some(brief) => Ok(brief),
            None => database.brief(generation, key).inspect(|brief| known.note(key, *brief)),
        };
        match decide(batch, self.position.revision.epoch, &mut get)? {
            Err(refusal) => planned.answer = Applied::Refused(refusal),
            // What it would change is the primary's.
            Ok(effects) if effects.replicated && self.standing.source().is_some() => planned.answer = Applied::Copies,
            Ok(effects) => {
                planned.effects(database, &effects);
                self.known.follow(&effects, &planned.position);
                if effects.replicated && self.standing.feeds() {
                    planned.feed(database, batch.now, Fact::of(&effects));
                }
                planned.keep_outcome(database, &self.outcomes, batch);
                let (index, revision) = (planned.position.index(), planned.position.revision);
                planned.change = Change::of(&effects);
                planned.answer = Applied::Committed(Committed { revision, index, counters: effects.counters });
            }
        }
        Ok(())
    }
}

impl Planned {
    fn membership(&mut self, database: &Database, stored: StoredMembership, before: &Live) {
        let meta = database.column(META);
        self.write.put_cf(meta, MEMBERSHIP, encoding::encode_membership(&stored));
        let removed = before.removed.after(keys(before.membership.membership()), keys(stored.membership()));
        if let Some(removed) = removed {
            self.write.put_cf(meta, REMOVED, removed.to_bytes());
            self.removed = Some(removed);
        }
        self.membership = Some(stored);
    }

    /// A new line of history begins, unless one as high has.
    pub(super) fn epoch(&mut self, database: &Database, epoch: Epoch, standing: &Standing) {
        if epoch.number > self.position.revision.epoch.number {
            self.position.revision.epoch = epoch;
            let revision = self.position.revision;
            self.position.fingerprint = fingerprint::begin_epoch(&self.position.fingerprint, revision);
            self.change = Some(Change::Everything);
            if standing.feeds() {
                self.feed(database, self.position.time, Fact::Epoch);
            }
        }
    }

    /// The state is another one from here on, and what the feed says does not lead to it.
    pub(super) fn another_history(&mut self, database: &Database, standing: &Standing) {
        self.change = Some(Change::Everything);
        self.forgets = true;
        if standing.feeds() {
            self.clear_feed(database);
            self.feed(database, self.position.time, Fact::Begin);
        }
    }

    /// Of the change that has led to the position, before a snapshot can show it.
    pub(super) fn tell(&self, journal: &Journal, change: Change) {
        journal.note(self.position.revision, change);
    }

    pub(super) fn clear_feed(&mut self, database: &Database) {
        feed::clear(database, &mut self.write);
        self.fed = 0;
    }

    /// The step that has led to the position goes into the feed.
    pub(super) fn feed(&mut self, database: &Database, now: Millis, fact: Fact) {
        self.fed = feed::write(database, &mut self.write, &self.position, now, fact, self.fed);
    }

    pub(super) fn stands(&mut self, database: &Database, standing: Standing) {
        self.write.put_cf(database.column(META), STANDING, standing.to_bytes());
        self.standing = Some(standing);
    }

    /// The line of history that follows, whichever it was until here.
    fn recovered(&mut self, database: &Database, recovered: &Recovered, standing: &Standing) {
        let epoch = Epoch { number: self.position.revision.epoch.number.saturating_add(1), bits: recovered.bits };
        self.epoch(database, epoch, standing);
        let recovery = Recovery { index: self.position.index(), recovered: recovered.clone() };
        self.write.put_cf(database.column(META), RECOVERY, encoding::encode_recovery(&recovery));
        self.recovery = Some(Arc::new(recovery));
    }

    pub fn effects(&mut self, database: &Database, effects: &Effects) {
        if effects.replicated {
            let position = &mut self.position;
            position.revision = position.revision.next();
            position.fingerprint = fingerprint::advance(&position.fingerprint, position.revision, effects);
        }
        self.written(database, effects);
    }

    /// The effects of a change that has led to the position.
    pub(super) fn written(&mut self, database: &Database, effects: &Effects) {
        let position = &mut self.position;
        let mut changed = effects.puts.keys().chain(&effects.deletes).chain(&effects.prefix_deletes);
        if changed.any(|key| key.class() == Class::Local) {
            position.local += 1;
        }
        let data = database.column(DATA);
        for prefix in &effects.prefix_deletes {
            let from = key::physical(position.generation, prefix.as_bytes());
            // Invariant: a key begins with its class, an ASCII letter.
            let to = key::end_of(&from).expect("invariant: something follows every prefix of a key");
            self.write.delete_range_cf(data, from, to);
        }
        for key in &effects.deletes {
            self.write.delete_cf(data, key::physical(position.generation, key.as_bytes()));
        }
        for (key, value) in &effects.puts {
            let record = value::encode(position.revision_of(key), value, self.form);
            self.write.put_cf(data, key::physical(position.generation, key.as_bytes()), record);
        }
    }

    fn keep_outcome(&mut self, database: &Database, window: &Outcomes, batch: &Batch) {
        let record = outcomes::encode(&batch.id, self.position.revision, batch.outcome.as_ref(), self.form);
        let column = database.column(OUTCOMES);
        let leaving = window.leaving(record.len());
        for index in &leaving {
            self.write.delete_cf(column, index.to_be_bytes());
            self.position.evicted = *index;
        }
        self.write.put_cf(column, self.position.index().to_be_bytes(), &record);
        self.outcome = Some(KeptOutcome { bytes: record.len(), evicted: leaving.len() });
    }
}

fn keys(membership: &Membership) -> impl Iterator<Item = &PublicKey> + Clone {
    // Not by `nodes()`, whose iterator cannot be walked twice.
    let keys: Vec<&PublicKey> = membership.nodes().map(|(_, member)| &member.key).collect();
    keys.into_iter()
}
