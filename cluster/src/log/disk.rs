//! The log's RocksDB: how it is opened and what its bytes mean.
//!
//! Column `log` holds entries under their big-endian index, column `meta` the vote, the purged and the committed
//! position, the highest level that entries are written at, and whose log this is. A damaged write-ahead log is not recovered by dropping what follows the damage, for
//! that may have been acknowledged: only a torn end is forgiven, anything else refuses to open.

use std::io;
use std::path::Path;

use bytes::Bytes;
use rocksdb::{
    BlockBasedOptions, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType, DBRecoveryMode, Direction,
    IteratorMode, Options, ReadOptions, WriteBatch, WriteOptions,
};

use super::encoding::{self, DecodeError};
use crate::consensus::{Entry, LogId, NodeId, Vote};
use crate::format::{self, Formats};

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the data folder is in use by another process")]
    InUse,
    #[error("the data folder belongs to node {found:016x}, and this is node {expected:016x}")]
    OtherNode { expected: NodeId, found: NodeId },
    #[error("the data folder has format {0}, which this version does not know: a newer version has written it")]
    Format(u8),
    #[error("the data folder cannot be used by this version: {0}")]
    Level(String),
    #[error("the data folder is damaged: {0}")]
    Corrupt(String),
    #[error("the data folder could not be opened: {0}")]
    Io(String),
}

impl From<rocksdb::Error> for OpenError {
    fn from(error: rocksdb::Error) -> Self {
        match error.kind() {
            rocksdb::ErrorKind::Corruption => Self::Corrupt(error.into_string()),
            _ => match error.into_string() {
                text if text.contains("lock") && text.contains("LOCK") => Self::InUse,
                text => Self::Io(text),
            },
        }
    }
}

impl From<DecodeError> for OpenError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Format(format) => Self::Format(format),
            error => Self::Corrupt(error.to_string()),
        }
    }
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Io(error.to_string())
    }
}

/// What the disk held when it was opened.
pub(super) struct Found {
    pub purged: Option<LogId>,
    pub last: Option<LogId>,
    pub committed: Option<LogId>,
    pub vote: Option<Vote>,
    /// The highest level that entries were written at.
    pub level: u32,
    /// About how many bytes the entries take.
    pub bytes: u64,
}

pub(super) struct Disk {
    db: DB,
}

impl Disk {
    pub fn open(path: &Path, node: NodeId, formats: Formats) -> Result<(Self, Found), OpenError> {
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
        options.set_track_and_verify_wals_in_manifest(true);
        options.set_max_total_wal_size(512 << 20);
        options.set_keep_log_file_num(4);
        let db = DB::open_cf_descriptors(
            &options,
            path,
            [ColumnFamilyDescriptor::new(LOG, log_options()), ColumnFamilyDescriptor::new(META, Options::default())],
        )?;
        let disk = Self { db };
        disk.claim(node)?;
        let level = disk.level()?;
        if let Some(problem) = formats.problem(level) {
            return Err(OpenError::Level(problem));
        }
        let found = disk.found(level)?;
        Ok((disk, found))
    }

    pub fn write(&self, batch: WriteBatch, sync: bool) -> Result<(), rocksdb::Error> {
        let mut options = WriteOptions::default();
        options.set_sync(sync);
        self.db.write_opt(batch, &options)
    }

    pub fn put_entry(&self, batch: &mut WriteBatch, index: u64, entry: &[u8]) {
        batch.put_cf(self.column(LOG), index.to_be_bytes(), entry);
    }

    /// Removes the entries from `from` on, up to but without `to`.
    pub fn delete_entries(&self, batch: &mut WriteBatch, from: u64, to: u64) {
        if from < to {
            batch.delete_range_cf(self.column(LOG), from.to_be_bytes(), to.to_be_bytes());
        }
    }

    pub fn put_meta(&self, batch: &mut WriteBatch, key: &'static str, value: &[u8]) {
        batch.put_cf(self.column(META), key, value);
    }

    /// The entries from `from` on, up to but without `to`, as they are now. Taking the view is cheap; reading from it
    /// is not.
    pub fn view(&self) -> View<'_> {
        View { disk: self, snapshot: self.db.snapshot() }
    }

    pub fn stop_background_work(&self) {
        self.db.cancel_all_background_work(true);
    }

    fn column(&self, name: &str) -> &ColumnFamily {
        // Invariant: open() creates both columns and nothing drops one.
        self.db.cf_handle(name).expect("invariant: the log's columns exist once it is open")
    }

    fn meta(&self, key: &str) -> Result<Option<Bytes>, OpenError> {
        Ok(self.db.get_cf(self.column(META), key)?.map(Bytes::from))
    }

    fn claim(&self, node: NodeId) -> Result<(), OpenError> {
        if let Some(format) = self.meta(key::FORMAT)? {
            if format[..] != [FORMAT] {
                return Err(OpenError::Format(format.first().copied().unwrap_or(0)));
            }
            let found = self.meta(key::NODE)?.and_then(|id| Some(u64::from_be_bytes(id[..].try_into().ok()?)));
            let found = found.ok_or_else(|| OpenError::Corrupt("it does not say whose it is".to_owned()))?;
            return if found == node { Ok(()) } else { Err(OpenError::OtherNode { expected: node, found }) };
        }
        let mut batch = WriteBatch::default();
        self.put_meta(&mut batch, key::FORMAT, &[FORMAT]);
        self.put_meta(&mut batch, key::NODE, &node.to_be_bytes());
        Ok(self.write(batch, true)?)
    }

    fn level(&self) -> Result<u32, OpenError> {
        let Some(record) = self.meta(key::LEVEL)? else { return Ok(format::FIRST) };
        let level = record[..].try_into().map(u32::from_be_bytes);
        level.map_err(|_| OpenError::Corrupt("the log's level is malformed".to_owned()))
    }

    fn found(&self, level: u32) -> Result<Found, OpenError> {
        let purged = self.meta(key::PURGED)?.map(encoding::decode_log_id).transpose()?;
        let committed = self.meta(key::COMMITTED)?.map(encoding::decode_log_id).transpose()?;
        let vote = self.meta(key::VOTE)?.map(encoding::decode_vote).transpose()?;
        let newest = self.db.iterator_cf(self.column(LOG), IteratorMode::End).next().transpose()?;
        let newest = newest.map(|(_, value)| encoding::decode_entry(value.into_vec().into())).transpose()?;
        let expected = purged.map_or(0, |id| id.index + 1);
        let start = expected.to_be_bytes();
        let oldest = self.db.iterator_cf(self.column(LOG), IteratorMode::From(&start, Direction::Forward)).next();
        if let Some((index, _)) = oldest.transpose()?
            && index[..] != start
        {
            return Err(OpenError::Corrupt(format!("the log has no entry {expected}")));
        }
        // A purge may reach past the end, after a snapshot was installed.
        let last = newest.map(|entry| entry.log_id).max(purged);
        let bytes = self.db.property_int_value_cf(self.column(LOG), rocksdb::properties::ESTIMATE_LIVE_DATA_SIZE)?;
        Ok(Found { purged, last, committed, vote, level, bytes: bytes.unwrap_or(0) })
    }
}

/// The entries as they were at one moment.
pub(super) struct View<'a> {
    disk: &'a Disk,
    snapshot: rocksdb::Snapshot<'a>,
}

impl View<'_> {
    /// The entries from `from` on, up to but without `to`, and stops once they have `cap` bytes, but never before the
    /// first. A missing one is an error.
    pub fn entries(&self, from: u64, to: u64, cap: usize) -> io::Result<(Vec<Entry>, usize)> {
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(to.to_be_bytes().to_vec());
        let start = from.to_be_bytes();
        let mode = IteratorMode::From(&start, Direction::Forward);
        let (mut entries, mut bytes) = (Vec::new(), 0);
        for item in self.snapshot.iterator_cf_opt(self.disk.column(LOG), options, mode) {
            let (_, value) = item.map_err(io::Error::other)?;
            bytes += value.len();
            let entry = encoding::decode_entry(value.into_vec().into())?;
            if entry.log_id.index != from + entries.len() as u64 {
                break;
            }
            entries.push(entry);
            if bytes >= cap {
                return Ok((entries, bytes));
            }
        }
        if entries.len() as u64 != to - from {
            let missing = from + entries.len() as u64;
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("the log has no entry {missing}")));
        }
        Ok((entries, bytes))
    }
}

fn log_options() -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_size(32 << 10);
    let mut options = Options::default();
    // Ciphertext does not compress.
    options.set_compression_type(DBCompressionType::None);
    options.set_write_buffer_size(64 << 20);
    options.set_block_based_table_factory(&table);
    options
}

pub(super) mod key {
    pub const FORMAT: &str = "format";
    pub const NODE: &str = "node";
    pub const VOTE: &str = "vote";
    pub const PURGED: &str = "purged";
    pub const COMMITTED: &str = "committed";
    pub const LEVEL: &str = "level";
}

const FORMAT: u8 = 1;
const LOG: &str = "log";
const META: &str = "meta";
