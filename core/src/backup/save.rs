//! Making a backup: a snapshot of the state, written into a pipe as fast as it is read at the other end.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sdk::{Failure, Pipe, PipeWriter};
use storage::{Class, Millis, RawKey, SealedSnapshot, Step, Value};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Header;
use super::write::Writer;
use crate::lifecycle::Node;
use crate::space;

/// Backups that are made at the same time: each holds a snapshot and a thread.
const AT_ONCE: usize = 2;
/// How long the reader may take for one piece.
const PIECE_MAX: Duration = Duration::from_secs(60);
const PIECE: usize = 64 * 1024;

/// Room for backups that are being made.
pub struct Saves(Arc<Semaphore>);

impl Default for Saves {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Node {
    /// Begins a backup of the state as it is now. Whoever reads it learns from the pipe whether it is whole. Nothing of it
    /// is held any longer than somebody reads.
    pub fn save(&self, now: Millis) -> Result<Pipe, Failure> {
        let room = Arc::clone(&self.saves.0).try_acquire_owned().map_err(|_| {
            Failure::Unavailable(format!("{AT_ONCE} backups are being made already; try again when one is done"))
        })?;
        let snapshot = self.replication.store().snapshot().map_err(Failure::internal)?;
        let header = self.header(&*snapshot, now)?;
        let mac = self.barrier.backup_mac().map_err(|_| Failure::Sealed)?;
        let (writer, pipe) = sdk::pipe();
        let to = Outlet { writer: writer.clone(), runtime: Handle::current() };
        tokio::task::spawn_blocking(move || {
            let _room = room;
            let written = write(&*snapshot, to, now, &header, &mac);
            drop(snapshot);
            let ended = match &written {
                Ok(()) => {
                    tracing::info!(revision = header.revision, "a backup was made");
                    Handle::current().block_on(writer.finish())
                }
                Err(problem) => {
                    tracing::warn!(%problem, "a backup was broken off");
                    Handle::current().block_on(writer.fail(problem.to_string()))
                }
            };
            if ended.is_err() {
                tracing::debug!("the reader of a backup has gone away");
            }
        });
        Ok(pipe)
    }

    /// All of it from one snapshot: the keyring, the wraps and the records belong together.
    fn header(&self, snapshot: &dyn SealedSnapshot, now: Millis) -> Result<Header, Failure> {
        let read = |key: RawKey| match snapshot.get(&key).map_err(Failure::internal)?.map(|stored| stored.value) {
            Some(Value::Bytes(bytes)) => Ok(bytes),
            _ => Err(Failure::internal("a record that every cluster has is missing")),
        };
        let keyring = read(space::keyring())?;
        if !self.barrier.opens(&keyring).map_err(|_| Failure::Sealed)? {
            return Err(Failure::Unavailable("the server's keys are being changed; try again".into()));
        }
        let info = self.cluster_info().ok_or(Failure::Sealed)?;
        Ok(Header {
            format: Header::FORMAT,
            version: env!("CARGO_PKG_VERSION").into(),
            created: sdk::timestamp(now),
            cluster_name: info.name,
            cluster_id: info.id,
            revision: snapshot.revision().to_string(),
            fingerprint: hex::encode(snapshot.fingerprint()),
            root_key_id: self.barrier.root_key_id().map_err(|_| Failure::Sealed)?.to_string(),
            seal: serde_json::from_slice(&read(space::seal_config())?).map_err(Failure::internal)?,
            wraps: serde_json::from_slice(&read(space::seal_wraps())?).map_err(Failure::internal)?,
        })
    }
}

fn write(
    snapshot: &dyn SealedSnapshot,
    to: Outlet,
    now: Millis,
    header: &Header,
    mac: &crypto::Hmac,
) -> io::Result<()> {
    let mut writer = Writer::new(BufWriter::with_capacity(PIECE, to), now, header)?;
    let mut failed = None;
    let walked = snapshot.walk(&RawKey::root(Class::Replicated), None, &mut |key, stored| {
        Ok(match writer.record(key, &stored) {
            Ok(()) => Step::Next,
            Err(problem) => {
                failed = Some(problem);
                Step::Stop
            }
        })
    });
    if let Some(problem) = failed {
        return Err(problem);
    }
    walked.map_err(io::Error::other)?;
    writer.finish(|sums| mac.mac(sums))?.flush()
}

/// Where the bytes go: it waits for the reader, but not for ever.
struct Outlet {
    writer: PipeWriter,
    runtime: Handle,
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = self.writer.send(Bytes::copy_from_slice(bytes));
        match self.runtime.block_on(timeout(PIECE_MAX, piece)) {
            Ok(Ok(())) => Ok(bytes.len()),
            Ok(Err(closed)) => Err(io::Error::new(io::ErrorKind::BrokenPipe, closed)),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, format!("nothing was read for {PIECE_MAX:?}"))),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
