//! One generation of the state's database: `sm-<n>`, opened, read and written.
//!
//! Columns: `data` holds the keys, `meta` the position, the membership and the like, `outcomes` the window of request ids,
//! `feed` what secondaries have still to follow. Which
//! folder is current says the file `SM_CURRENT`; a folder that was swapped out deletes itself when its last reader
//! leaves.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType, Direction, IteratorMode,
    Options, ReadOptions, WriteBatch, WriteOptions, checkpoint,
};
use storage::apply::Brief;
use storage::{Class, Ran, RawKey, StoreError};

use super::loading::Loading;
use super::outcomes::{self, Limits, Outcomes};
use super::position::Position;
use super::{key, value};
use crate::consensus::{SnapshotMeta, StoredMembership};
use crate::dr::Standing;
use crate::format::{self, Formats};
use crate::identity::RemovedKeys;
use crate::log::{OpenError, encoding};
use crate::recovery::Recovery;
use crate::snapshot::replace_file;

pub(super) struct Database {
    rocks: DB,
    // Dropped after the database is closed.
    folder: Folder,
}

struct Folder {
    path: PathBuf,
    doomed: AtomicBool,
}

impl Database {
    pub fn open(path: PathBuf) -> Result<Self, OpenError> {
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_max_total_wal_size(256 << 20);
        options.set_keep_log_file_num(4);
        let rocks = DB::open_cf_descriptors(&options, &path, columns())?;
        Ok(Self { rocks, folder: Folder { path, doomed: AtomicBool::new(false) } })
    }

    pub fn path(&self) -> &Path {
        &self.folder.path
    }

    /// Deletes its files once nobody reads from it any more.
    pub fn doom(&self) {
        self.folder.doomed.store(true, Ordering::Release);
    }

    pub(super) fn rocks(&self) -> &DB {
        &self.rocks
    }

    pub fn snapshot(&self) -> rocksdb::Snapshot<'_> {
        self.rocks.snapshot()
    }

    pub fn column(&self, name: &str) -> &ColumnFamily {
        // Invariant: open() creates the columns and nothing drops one.
        self.rocks.cf_handle(name).expect("invariant: the state's columns exist once it is open")
    }

    /// What a decision has to know of a record.
    pub fn brief(&self, generation: u32, key: &RawKey) -> Result<Option<Brief>, StoreError> {
        let key = key::physical(generation, key.as_bytes());
        let record = self.rocks.get_pinned_cf(self.column(DATA), key).map_err(unreadable)?;
        record.map(|record| value::brief(&record)).transpose()
    }

    /// What the request of the entry at `index` came to.
    pub fn ran(&self, index: u64) -> Result<Ran, StoreError> {
        match self.rocks.get_pinned_cf(self.column(OUTCOMES), index.to_be_bytes()).map_err(unreadable)? {
            Some(record) => Ok(outcomes::decode(&record)?.1),
            None => Err(StoreError::Corrupt(format!("the outcome of entry {index} is missing"))),
        }
    }

    /// Not synced: the log is.
    pub fn write(&self, batch: WriteBatch) -> Result<(), StoreError> {
        self.rocks.write_opt(batch, &WriteOptions::default()).map_err(unreadable)
    }

    pub fn position(&self) -> Result<Position, StoreError> {
        position(&self.rocks)
    }

    pub fn membership(&self) -> Result<StoredMembership, StoreError> {
        membership(&self.rocks)
    }

    /// Whose nodes were members once.
    pub fn removed(&self) -> Result<RemovedKeys, StoreError> {
        let Some(record) = self.rocks.get_pinned_cf(self.column(META), REMOVED).map_err(unreadable)? else {
            return Ok(RemovedKeys::default());
        };
        let broken = |error| StoreError::Corrupt(format!("the list of removed keys: {error}"));
        RemovedKeys::from_bytes(&record).map_err(broken)
    }

    /// The load that is under way.
    pub fn loading(&self) -> Result<Option<Loading>, StoreError> {
        let record = self.rocks.get_pinned_cf(self.column(META), LOADING).map_err(unreadable)?;
        let loading = record.map(|record| Loading::decode(&record)).transpose();
        loading.map_err(|error| StoreError::Corrupt(error.to_string()))
    }

    /// The format that the cluster is at. To be asked before anything else: a version that does not know it reads no more.
    pub fn format(&self) -> Result<u32, StoreError> {
        level(&self.rocks)
    }

    pub fn recovery(&self) -> Result<Option<Recovery>, StoreError> {
        let record = self.rocks.get_cf(self.column(META), RECOVERY).map_err(unreadable)?;
        let recovery = record.map(|record| encoding::decode_recovery(record.into())).transpose();
        recovery.map_err(|error| StoreError::Corrupt(error.to_string()))
    }

    /// How the cluster stands to others.
    pub fn standing(&self) -> Result<Standing, StoreError> {
        let record = self.rocks.get_pinned_cf(self.column(META), STANDING).map_err(unreadable)?;
        let standing = record.map(|record| Standing::from_bytes(&record)).transpose();
        Ok(standing.map_err(|error| StoreError::Corrupt(error.to_string()))?.unwrap_or_default())
    }

    /// Reads the outcome window, from where the last eviction ended.
    pub fn outcomes(&self, evicted: u64, limits: Limits) -> Result<Outcomes, StoreError> {
        let mut window = Outcomes::new(limits);
        let start = evicted.saturating_add(1).to_be_bytes();
        // Nothing was evicted yet: an entry at index 0 may be in it.
        let start = if evicted == 0 { [0; 8] } else { start };
        for item in self.rocks.iterator_cf(self.column(OUTCOMES), IteratorMode::From(&start, Direction::Forward)) {
            let (key, record) = item.map_err(unreadable)?;
            let index = key[..].try_into().map(u64::from_be_bytes);
            let index = index.map_err(|_| StoreError::Corrupt("an outcome's key is malformed".to_owned()))?;
            window.push(index, outcomes::decode(&record)?.0, record.len());
        }
        Ok(window)
    }

    /// Visits the replicated records of a generation as they lie there, from a key on, until the visitor has enough.
    pub fn walk_generation(
        &self,
        generation: u32,
        from: &RawKey,
        visit: &mut dyn FnMut(RawKey, &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        let start = key::physical(generation, from.as_bytes());
        let mut options = ReadOptions::default();
        if let Some(end) = key::end_of(&key::physical(generation, RawKey::root(Class::Replicated).as_bytes())) {
            options.set_iterate_upper_bound(end);
        }
        let malformed = || StoreError::Corrupt("a key of the state is malformed".to_owned());
        let mut cursor = self.rocks.raw_iterator_cf_opt(self.column(DATA), options);
        cursor.seek(start);
        while let Some((at, record)) = cursor.item() {
            let key = key::logical(at).and_then(|key| RawKey::parse(key).ok()).ok_or_else(malformed)?;
            if !visit(key, record) {
                return Ok(());
            }
            cursor.next();
        }
        cursor.status().map_err(unreadable)
    }

    /// Makes a checkpoint in `folder`, which must not exist.
    pub fn checkpoint(&self, folder: &Path) -> io::Result<()> {
        let checkpoint = checkpoint::Checkpoint::new(&self.rocks).map_err(io::Error::other)?;
        checkpoint.create_checkpoint(folder).map_err(io::Error::other)
    }

    pub fn stop_background_work(&self) {
        self.rocks.cancel_all_background_work(true);
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.doomed.load(Ordering::Acquire)
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            // The next start removes it.
            tracing::warn!(folder = %self.path.display(), error = %error, "an old state could not be deleted");
        }
    }
}

/// Position and membership of the state in a node's folder, which must not be open.
pub fn stored(data: &Path) -> Result<(Position, StoredMembership), OpenError> {
    let folder = folder(data, current(data)?);
    if !folder.join("CURRENT").exists() {
        return Ok(Default::default());
    }
    let rocks = DB::open_cf_descriptors_read_only(&Options::default(), folder, columns(), false)?;
    let broken = |error: StoreError| OpenError::Corrupt(error.to_string());
    if let Some(problem) = Formats::default().problem(level(&rocks).map_err(broken)?) {
        return Err(OpenError::Level(problem));
    }
    Ok((position(&rocks).map_err(broken)?, membership(&rocks).map_err(broken)?))
}

/// Position and membership of a checkpoint, read from its own files. One of a format that is not known is `Unsupported`.
pub(super) fn read_meta(folder: &Path, formats: Formats) -> io::Result<SnapshotMeta> {
    let rocks =
        DB::open_cf_descriptors_read_only(&Options::default(), folder, columns(), false).map_err(io::Error::other)?;
    if let Some(problem) = formats.problem(level(&rocks).map_err(io::Error::other)?) {
        return Err(io::Error::new(io::ErrorKind::Unsupported, problem));
    }
    let last_log_id = position(&rocks).map_err(io::Error::other)?.applied;
    let last_membership = membership(&rocks).map_err(io::Error::other)?;
    Ok(SnapshotMeta { last_log_id, last_membership })
}

/// The number of the current folder.
pub(super) fn current(data: &Path) -> Result<u64, OpenError> {
    match fs::read_to_string(data.join(POINTER)) {
        Ok(text) => {
            let number = text.trim().parse();
            number.map_err(|_| OpenError::Corrupt(format!("{POINTER} does not hold a number")))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn set_current(data: &Path, number: u64) -> io::Result<()> {
    replace_file(&data.join(POINTER), format!("{number}\n").as_bytes())
}

pub(super) fn folder(data: &Path, number: u64) -> PathBuf {
    data.join(format!("{FOLDER}{number}"))
}

/// Deletes the folders that are not current: a swap was cut short, or the process before it could delete the old one.
pub(super) fn sweep(data: &Path, current: u64) -> io::Result<()> {
    let current = folder(data, current);
    for item in fs::read_dir(data)? {
        let path = item?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with(FOLDER) && path != current {
            fs::remove_dir_all(&path)?;
        }
    }
    Ok(())
}

pub(super) fn unreadable(error: rocksdb::Error) -> StoreError {
    match error.kind() {
        rocksdb::ErrorKind::Corruption => StoreError::Corrupt(error.into_string()),
        _ => StoreError::Io(error.into_string()),
    }
}

/// The position at the moment of a snapshot.
pub(super) fn position_at(database: &Database, at: &rocksdb::Snapshot<'_>) -> Result<Position, StoreError> {
    decode_position(at.get_pinned_cf(database.column(META), POSITION).map_err(unreadable)?.as_deref())
}

fn position(rocks: &DB) -> Result<Position, StoreError> {
    let column = rocks.cf_handle(META).ok_or_else(|| StoreError::Corrupt("the state has no meta".to_owned()))?;
    decode_position(rocks.get_pinned_cf(column, POSITION).map_err(unreadable)?.as_deref())
}

fn decode_position(record: Option<&[u8]>) -> Result<Position, StoreError> {
    let position = record.map(Position::decode).transpose();
    Ok(position.map_err(|error| StoreError::Corrupt(error.to_string()))?.unwrap_or_default())
}

fn level(rocks: &DB) -> Result<u32, StoreError> {
    let column = rocks.cf_handle(META).ok_or_else(|| StoreError::Corrupt("the state has no meta".to_owned()))?;
    let damaged = || StoreError::Corrupt("the state's format is malformed".to_owned());
    match rocks.get_cf(column, FORMAT).map_err(unreadable)? {
        Some(record) => Ok(u32::from_be_bytes(record.try_into().map_err(|_| damaged())?)),
        None => Ok(format::FIRST),
    }
}

fn membership(rocks: &DB) -> Result<StoredMembership, StoreError> {
    let column = rocks.cf_handle(META).ok_or_else(|| StoreError::Corrupt("the state has no meta".to_owned()))?;
    let record = rocks.get_cf(column, MEMBERSHIP).map_err(unreadable)?;
    let membership = record.map(|record| encoding::decode_membership(record.into())).transpose();
    Ok(membership.map_err(|error| StoreError::Corrupt(error.to_string()))?.unwrap_or_default())
}

fn columns() -> [ColumnFamilyDescriptor; 4] {
    let mut table = BlockBasedOptions::default();
    table.set_bloom_filter(10.0, false);
    table.set_block_cache(&Cache::new_lru_cache(128 << 20));
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    let mut data = Options::default();
    // Ciphertext does not compress.
    data.set_compression_type(DBCompressionType::None);
    data.set_write_buffer_size(64 << 20);
    data.set_block_based_table_factory(&table);
    let mut outcomes = Options::default();
    outcomes.set_compression_type(DBCompressionType::None);
    outcomes.set_write_buffer_size(16 << 20);
    [
        ColumnFamilyDescriptor::new(DATA, data),
        ColumnFamilyDescriptor::new(META, Options::default()),
        ColumnFamilyDescriptor::new(OUTCOMES, outcomes.clone()),
        ColumnFamilyDescriptor::new(FEED, outcomes),
    ]
}

pub(super) const DATA: &str = "data";
pub(super) const META: &str = "meta";
pub(super) const OUTCOMES: &str = "outcomes";
pub(super) const FEED: &str = "feed";
pub(super) const POSITION: &str = "position";
pub(super) const MEMBERSHIP: &str = "membership";
pub(super) const REMOVED: &str = "removed";
pub(super) const LOADING: &str = "loading";
pub(super) const RECOVERY: &str = "recovery";
pub(super) const FORMAT: &str = "format";
pub(super) const STANDING: &str = "standing";
const POINTER: &str = "SM_CURRENT";
const FOLDER: &str = "sm-";
