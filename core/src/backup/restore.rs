//! Restoring: the upload is taken in whole and checked, loaded beside the state, and switched to.
//!
//! ```text
//!   upload ─► file ─► check: sums, order, root key, MAC ─► load, 1 MiB an entry ─► switch ─► keys of the new state
//! ```
//!
//! Until the switch nothing has changed. It raises the epoch, so that whatever is still being written on the ground of the
//! old state is refused and runs again, and so that no cache takes a record of before for one of now.

use std::fs::File;
use std::io::{Seek, Write};
use std::sync::Arc;
use std::time::Duration;

use barrier::JoinKeyOf;
use bytes::Bytes;
use sdk::{Failure, PipeReader};
use storage::{Check, RawKey, Stored, Value};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::{BackupError, Records, Whole, walk};
use crate::dr::Standing;
use crate::lifecycle::{InitError, Node};
use crate::replication::{Load, LoadError, Loaded};
use crate::space;

/// Room on the disk that an upload may not take.
const KEPT_FREE: u64 = 256 << 20;
/// An upload that takes longer is given up.
const UPLOAD_MAX: Duration = Duration::from_secs(6 * 3600);
/// How often the disk is looked at while an upload comes, in bytes.
const LOOK: u64 = 16 << 20;
/// What loading takes of the disk, for each byte of records: the log, the state and its own log.
const TIMES: u64 = 3;

/// Whose word stands for the backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The root key's: it has to be the one of this cluster, and the cluster's shares stay.
    RootKey,
    /// The caller's: the backup's shares count from now on.
    Caller,
    /// As `Caller`, on a node that has no cluster yet.
    Founder,
}

/// A restore of this node that is under way, up to where its answer is audited. When it ends, a node whose keys do not fit
/// the restored state is sealed.
pub struct Restore(Arc<Node>);

impl Drop for Restore {
    fn drop(&mut self) {
        self.0.keys.end_restore();
        self.0.attune();
    }
}

/// What is known of the file before anything is loaded.
struct Checked {
    whole: Whole,
    keyring: Bytes,
}

impl Node {
    /// Replaces the state by the one in the upload. Answers when that is done on this node, and by a majority.
    pub async fn restore(self: &Arc<Self>, mut upload: PipeReader, trust: Trust) -> Result<Restore, Failure> {
        if !self.keys.begin_restore() {
            return Err(Failure::invalid("another restore is under way; wait until it has ended"));
        }
        let restore = Restore(Arc::clone(self));
        let receiving = tokio::time::timeout(UPLOAD_MAX, self.receive(&mut upload)).await;
        let file = Arc::new(receiving.map_err(|_| {
            Failure::Invalid(format!("the upload did not come to its end within {} hours", UPLOAD_MAX.as_secs() / 3600))
        })??);
        let checked = self.check(&file, trust).await?;
        // Not before: whoever sends slowly must not hold up `sys/init`.
        let _founding = match trust {
            Trust::Founder => Some(self.found_by_restore().await?),
            _ => None,
        };
        let revision = self.load(&file, &checked, trust).await?;
        let header = &checked.whole.header;
        tracing::info!(from = header.revision, cluster = header.cluster_id, to = %revision, "a backup was restored");
        Ok(restore)
    }

    async fn found_by_restore(&self) -> Result<tokio::sync::MutexGuard<'_, ()>, Failure> {
        let founding = self.founding.lock().await;
        if self.is_initialised() {
            return Err(Failure::invalid("this server is initialised; a restore takes a token then"));
        }
        if let Some(neighbour) = self.founded_elsewhere().await {
            return Err(Failure::Invalid(InitError::Elsewhere(neighbour).to_string()));
        }
        Ok(founding)
    }

    /// Into a file without a name: nothing of it stays, however this ends.
    async fn receive(&self, upload: &mut PipeReader) -> Result<File, Failure> {
        let mut file = self.replication.scratch().map_err(Failure::internal)?;
        let (mut received, mut looked) = (0_u64, 0_u64);
        while let Some(piece) = upload.next().await {
            let piece = piece.map_err(|why| Failure::Invalid(format!("the upload did not come to its end: {why}")))?;
            if received == 0 || received - looked >= LOOK {
                looked = received;
                if self.replication.room().map_err(Failure::internal)? < KEPT_FREE {
                    let text = "the disk has no room for the upload; make some, or restore at a node that has";
                    return Err(Failure::TooLarge(text.into()));
                }
            }
            received += piece.len() as u64;
            let written = spawn_blocking(move || file.write_all(&piece).map(|()| file)).await;
            file = written.map_err(Failure::internal)?.map_err(Failure::internal)?;
        }
        Ok(file)
    }

    /// Everything that can be told before the cluster hears of it.
    async fn check(&self, file: &Arc<File>, trust: Trust) -> Result<Checked, Failure> {
        let room = self.replication.room().map_err(Failure::internal)?.saturating_sub(KEPT_FREE);
        let read = Arc::clone(file);
        let (mut keyring, mut bytes, mut no_room) = (None, 0_u64, false);
        let looked = spawn_blocking(move || {
            let whole = from_the_start(&read, &mut |records| {
                bytes += records.iter().map(size).sum::<u64>();
                no_room = bytes.saturating_mul(TIMES) > room;
                let found = records.into_iter().find(|(key, _)| *key == space::keyring());
                if let Some(Value::Bytes(sealed)) = found.map(|(_, stored)| stored.value) {
                    keyring = Some(sealed);
                }
                if no_room { Err(BackupError::Stopped) } else { Ok(()) }
            });
            (whole, keyring, no_room)
        });
        let (whole, keyring, no_room) = looked.await.map_err(Failure::internal)?;
        if no_room {
            let text =
                format!("the disk has too little room: {room} bytes are free, and {TIMES} times the records are taken");
            return Err(Failure::TooLarge(text));
        }
        let whole = whole.map_err(refused)?;
        let keyring = keyring.ok_or_else(|| refused(BackupError::Damaged("it has no keyring".into())))?;
        if trust == Trust::RootKey {
            self.check_root(&whole, &keyring)?;
        }
        let own = self.barrier.root_key_id().is_ok_and(|root| whole.header.needs(root));
        if !own
            && let Standing::Primary { secondaries } = self.standing()
            && !secondaries.is_empty()
        {
            let text = "this cluster is a DR primary, and its secondaries could not open another root key's records: disable it \
                        as a primary first, restore, and enable the secondaries anew";
            return Err(Failure::invalid(text));
        }
        Ok(Checked { whole, keyring })
    }

    fn check_root(&self, whole: &Whole, keyring: &[u8]) -> Result<(), Failure> {
        let header = &whole.header;
        if !header.needs(self.barrier.root_key_id().map_err(|_| Failure::Sealed)?) {
            let text = format!(
                "the backup needs another root key ({}, of cluster {:?}) than this cluster has: restore it with \
                 snapshot-force, and unseal with the key shares that belonged to it",
                header.root_key_id, header.cluster_name
            );
            return Err(Failure::Invalid(text));
        }
        let mac = self.barrier.backup_mac().map_err(|_| Failure::Sealed)?;
        if !mac.verify(&whole.sums, &whole.mac) || !self.barrier.opens(keyring).map_err(|_| Failure::Sealed)? {
            let text = "the backup names this cluster's root key, but was not made with it: it was altered";
            return Err(Failure::invalid(text));
        }
        Ok(())
    }

    async fn load(&self, file: &Arc<File>, checked: &Checked, trust: Trust) -> Result<storage::Revision, Failure> {
        let load = match trust {
            Trust::Founder => self.replication.found_by_load().await,
            _ => self.replication.load().await,
        };
        let load = load.map_err(not_loaded)?;
        let (read, runtime) = (Arc::clone(file), Handle::current());
        let loading = spawn_blocking(move || {
            let (mut load, mut failed): (Box<dyn Load>, Option<LoadError>) = (load, None);
            let walked = from_the_start(&read, &mut |records| {
                runtime.block_on(load.add(records)).map_err(|problem| {
                    failed = Some(problem);
                    BackupError::Stopped
                })
            });
            match failed {
                Some(problem) => Err(not_loaded(problem)),
                None => walked.map(|_| load).map_err(refused),
            }
        });
        let load = loading.await.map_err(Failure::internal)??;
        let loaded = self.on_top(checked, trust)?;
        load.switch(loaded).await.map_err(not_loaded)
    }

    /// What is written over the loaded records: the keyring, if its wraps stay, else the wraps that it comes with.
    fn on_top(&self, checked: &Checked, trust: Trust) -> Result<Loaded, Failure> {
        let header = &checked.whole.header;
        let (revision, fingerprint) = header.at().map_err(refused)?;
        let mut loaded = Loaded { revision, fingerprint, ..Loaded::default() };
        if trust != Trust::RootKey {
            let json = |what: Result<Vec<u8>, serde_json::Error>| what.map(Bytes::from).map_err(Failure::internal);
            loaded.puts.push((space::seal_config(), json(serde_json::to_vec(&header.seal))?));
            loaded.puts.push((space::seal_wraps(), json(serde_json::to_vec(&header.wraps))?));
            loaded.prefix_deletes.push(space::seal());
        }
        // Where the root key stays, so do the nodes' keys, and the keyring has to follow on theirs.
        let own = self.barrier.root_key_id().is_ok_and(|root| header.needs(root));
        if own && trust != Trust::Founder {
            let snapshot = self.replication.store().snapshot().map_err(Failure::internal)?;
            let stored = snapshot.get(&space::keyring()).map_err(Failure::internal)?;
            let Some(Stored { revision, value: Value::Bytes(stored) }) = stored else {
                return Err(Failure::internal("the keyring is missing"));
            };
            let join = if trust == Trust::RootKey { JoinKeyOf::Cluster } else { JoinKeyOf::Backup };
            let restored = self
                .barrier
                .restored(&checked.keyring, &stored, join, self.replication.now())
                .map_err(Failure::internal)?;
            loaded.puts.push((space::keyring(), Bytes::from(restored)));
            loaded.checks.push(Check { key: space::keyring(), revision: Some(revision) });
        }
        Ok(loaded)
    }
}

fn from_the_start(
    mut file: &File,
    visit: &mut dyn FnMut(Records) -> Result<(), BackupError>,
) -> Result<Whole, BackupError> {
    file.rewind()?;
    walk(file, &mut |_, records| visit(records))
}

fn size((key, stored): &(RawKey, Stored)) -> u64 {
    let value = if let Value::Bytes(bytes) = &stored.value { bytes.len() } else { 8 };
    (key.as_bytes().len() + value) as u64
}

fn refused(error: BackupError) -> Failure {
    match error {
        BackupError::Io(error) => Failure::internal(error),
        other => Failure::Invalid(format!("nothing was restored: {other}")),
    }
}

fn not_loaded(error: LoadError) -> Failure {
    match error {
        LoadError::Unavailable(why) => Failure::Unavailable(format!("nothing was restored: {why}")),
        LoadError::Unknown(why) => Failure::OutcomeUnknown(why),
    }
}
