//! The state at one moment, for a reader.
//!
//! It holds the database it reads from, so a snapshot that is installed meanwhile takes nothing from under it. It also
//! keeps that database's files on disk: a view lives as long as a request, never longer.

use std::sync::Arc;

use rocksdb::ReadOptions;
use self_cell::self_cell;
use storage::{Changed, Journal, RawKey, Revision, SealedSnapshot, Step, StoreError, Stored};

use super::database::{DATA, Database, position_at, unreadable};
use super::position::Position;
use super::{key, value};

type Moment<'a> = rocksdb::Snapshot<'a>;

self_cell!(
    struct Pinned {
        owner: Arc<Database>,
        #[covariant]
        dependent: Moment,
    }
);

pub(super) struct StateView {
    pinned: Pinned,
    position: Position,
    journal: Arc<Journal>,
}

impl StateView {
    pub fn new(database: Arc<Database>, journal: Arc<Journal>) -> Result<Self, StoreError> {
        let pinned = Pinned::new(database, |database| database.snapshot());
        let position = position_at(pinned.borrow_owner(), pinned.borrow_dependent())?;
        Ok(Self { pinned, position, journal })
    }

    /// Up to which index entries are applied in it.
    pub fn index(&self) -> u64 {
        self.position.index()
    }
}

impl SealedSnapshot for StateView {
    fn get(&self, key: &RawKey) -> Result<Option<Stored>, StoreError> {
        let key = key::physical(self.position.generation, key.as_bytes());
        let column = self.pinned.borrow_owner().column(DATA);
        let record = self.pinned.borrow_dependent().get_pinned_cf(column, key).map_err(unreadable)?;
        record.map(|record| value::decode(&record)).transpose()
    }

    fn walk(
        &self,
        prefix: &RawKey,
        from: Option<&[u8]>,
        visit: &mut dyn FnMut(&[u8], Stored) -> Result<Step, StoreError>,
    ) -> Result<(), StoreError> {
        let generation = self.position.generation;
        let prefix = prefix.as_bytes();
        let mut options = ReadOptions::default();
        if let Some(end) = key::end_of(&key::physical(generation, prefix)) {
            options.set_iterate_upper_bound(end);
        }
        let start = from.filter(|from| *from > prefix).unwrap_or(prefix);
        if start.first() != prefix.first() {
            // It starts behind every key of the class.
            return Ok(());
        }
        let column = self.pinned.borrow_owner().column(DATA);
        let mut cursor = self.pinned.borrow_dependent().raw_iterator_cf_opt(column, options);
        cursor.seek(key::physical(generation, start));
        while let Some((at, record)) = cursor.item() {
            let found =
                key::logical(at).ok_or_else(|| StoreError::Corrupt("a key of the state is malformed".into()))?;
            match visit(&found, value::decode(record)?)? {
                Step::Next => cursor.next(),
                Step::Seek(to) if to <= found => cursor.next(),
                Step::Seek(to) if to.first() != found.first() => return Ok(()),
                Step::Seek(to) => cursor.seek(key::physical(generation, &to)),
                Step::Stop => return Ok(()),
            }
        }
        cursor.status().map_err(unreadable)
    }

    fn revision(&self) -> Revision {
        self.position.revision
    }

    fn fingerprint(&self) -> [u8; 32] {
        self.position.fingerprint
    }

    fn changes_since(&self, after: Revision) -> Option<Vec<(u64, Arc<Changed>)>> {
        self.journal.between(after, self.position.revision)
    }
}
