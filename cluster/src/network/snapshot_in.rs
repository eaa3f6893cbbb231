//! Receives a checkpoint into a folder of its own and checks it before consensus hears of it.
//!
//! What came of a transfer that was broken off is kept for a while: asked for it, this node says how much it holds, and the
//! next attempt goes on from there. One at a time; another snapshot takes its place.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use proto::cluster as pb;
use proto::cluster::snapshot_part::Part;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};
use tonic::{Status, Streaming};

use super::snapshot_out::{CHUNK, IDLE};
use crate::consensus::{Snapshot, SnapshotMeta};
use crate::machine::StateReader;
use crate::snapshot::{ReceiveError, Receiving};

/// How many files a snapshot may have.
const FILES: usize = 100_000;
/// How long what was broken off is kept.
const KEEP: Duration = Duration::from_secs(600);

pub async fn next(parts: &mut Streaming<pb::SnapshotPart>) -> Result<Part, Status> {
    let part =
        timeout(IDLE, parts.message()).await.map_err(|_| Status::deadline_exceeded("the snapshot has stalled"))??;
    part.and_then(|part| part.part).ok_or_else(|| Status::invalid_argument("the snapshot ends before its end"))
}

/// Which snapshot it is: two that agree in all of this are the same, or their checksum will tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    by: u64,
    meta: Bytes,
    pub files: Vec<(String, u64)>,
}

impl Sent {
    pub fn new(by: u64, header: pb::SnapshotHeader) -> Self {
        let files = header.files.into_iter().map(|file| (file.name, file.size)).collect();
        Self { by, meta: header.meta, files }
    }
}

/// The snapshot that is coming, or was broken off.
#[derive(Default)]
pub struct Inbox {
    partial: Mutex<Option<Arc<Partial>>>,
}

struct Partial {
    sent: Sent,
    /// Held by whoever writes, also when nobody waits for the write any more.
    open: Mutex<Option<Open>>,
    touched: Mutex<Instant>,
}

impl Inbox {
    /// Must be called inside a runtime.
    pub fn open() -> Arc<Self> {
        let inbox = Arc::new(Self::default());
        tokio::spawn(Self::tidy(Arc::downgrade(&inbox)));
        inbox
    }

    async fn tidy(inbox: Weak<Self>) {
        loop {
            sleep(KEEP / 10).await;
            let Some(inbox) = inbox.upgrade() else { return };
            inbox.partial.lock().take_if(|partial| partial.touched.lock().elapsed() > KEEP);
        }
    }

    /// How many bytes of it are here.
    pub async fn held(&self, sent: &Sent) -> u64 {
        let Some(partial) = self.find(sent) else { return 0 };
        let counting = spawn_blocking(move || partial.open.lock().as_ref().map_or(0, |open| open.written));
        counting.await.unwrap_or(0)
    }

    fn find(&self, sent: &Sent) -> Option<Arc<Partial>> {
        self.partial.lock().clone().filter(|partial| partial.sent == *sent)
    }

    fn begin(&self, sent: Sent, receiving: Receiving) -> Arc<Partial> {
        let open = Open { receiving, checksum: crypto::Sha256::new(), file: None, begun: 0, written: 0 };
        let partial = Partial { sent, open: Mutex::new(Some(open)), touched: Mutex::new(Instant::now()) };
        let partial = Arc::new(partial);
        *self.partial.lock() = Some(Arc::clone(&partial));
        partial
    }

    fn forget(&self) {
        *self.partial.lock() = None;
    }
}

pub async fn receive(
    reader: &StateReader,
    inbox: &Inbox,
    sent: Sent,
    from: u64,
    meta: SnapshotMeta,
    parts: &mut Streaming<pb::SnapshotPart>,
) -> Result<Snapshot, Status> {
    if sent.files.len() > FILES {
        return Err(Status::invalid_argument("the snapshot names too many files"));
    }
    let partial = match from {
        0 => {
            inbox.forget();
            inbox.begin(sent, reader.receive().map_err(stored)?)
        }
        _ if inbox.held(&sent).await == from => {
            inbox.find(&sent).ok_or_else(|| Status::failed_precondition("that part is not held any more"))?
        }
        _ => return Err(Status::failed_precondition("the snapshot does not go on where it was broken off")),
    };
    let received = take(&partial, from, parts).await;
    // What was broken off by the connection can go on. Whatever else went wrong would go wrong again.
    let open = match received {
        Ok(open) => open,
        Err(Ended::Broken(status)) => return Err(status),
        Err(Ended::Wrong(status)) => {
            inbox.forget();
            return Err(status);
        }
    };
    inbox.forget();
    let named = meta.clone();
    let finishing = spawn_blocking(move || open.receiving.finish(&named));
    let snapshot = finishing.await.map_err(panicked)?.map_err(refused)?;
    Ok(Snapshot { meta, snapshot })
}

enum Ended {
    Broken(Status),
    Wrong(Status),
}

/// Takes the chunks from `from` on, and the end.
async fn take(partial: &Arc<Partial>, from: u64, parts: &mut Streaming<pb::SnapshotPart>) -> Result<Open, Ended> {
    let wrong = |text| Ended::Wrong(Status::invalid_argument(text));
    let mut begins = 0_u64;
    for (number, (name, size)) in partial.sent.files.iter().enumerate() {
        let ends = begins.checked_add(*size).ok_or_else(|| wrong("the snapshot's sizes are impossible"))?;
        let mut at = from.max(begins);
        if at == begins {
            let name = name.clone();
            partial.write(move |open| open.create(number, &name)).await?;
        }
        while at < ends {
            let Part::Chunk(chunk) = next(parts).await.map_err(Ended::Broken)? else {
                return Err(wrong("the snapshot lacks a part of a file"));
            };
            if chunk.is_empty() || chunk.len() > CHUNK || chunk.len() as u64 > ends - at {
                return Err(wrong("a part of the snapshot has the wrong size"));
            }
            at += chunk.len() as u64;
            partial.write(move |open| open.append(&chunk)).await?;
        }
        begins = ends;
    }
    let Part::End(end) = next(parts).await.map_err(Ended::Broken)? else {
        return Err(wrong("the snapshot has more than it announced"));
    };
    let open = partial.open.lock().take().ok_or_else(|| wrong("the snapshot was taken already"))?;
    if open.checksum.clone().finish()[..] != end.sha256[..] {
        return Err(Ended::Wrong(Status::data_loss("the snapshot was damaged on its way")));
    }
    Ok(open)
}

impl Partial {
    async fn write(
        self: &Arc<Self>,
        work: impl FnOnce(&mut Open) -> Result<(), ReceiveError> + Send + 'static,
    ) -> Result<(), Ended> {
        let partial = Arc::clone(self);
        let writing = spawn_blocking(move || {
            *partial.touched.lock() = Instant::now();
            let mut open = partial.open.lock();
            open.as_mut().map_or(Ok(()), work)
        });
        writing.await.map_err(|error| Ended::Wrong(panicked(error)))?.map_err(|error| Ended::Wrong(refused(error)))
    }
}

struct Open {
    receiving: Receiving,
    checksum: crypto::Sha256,
    file: Option<File>,
    /// Files that were begun.
    begun: usize,
    /// Bytes of all files.
    written: u64,
}

impl Open {
    fn create(&mut self, number: usize, name: &str) -> Result<(), ReceiveError> {
        if number < self.begun {
            // The connection broke before anything of it came.
            return Ok(());
        }
        self.begun = number + 1;
        self.file = Some(self.receiving.create(name)?);
        Ok(())
    }

    fn append(&mut self, chunk: &Bytes) -> Result<(), ReceiveError> {
        self.checksum.update(chunk);
        if let Some(file) = &mut self.file {
            file.write_all(chunk)?;
        }
        self.written += chunk.len() as u64;
        Ok(())
    }
}

fn refused(error: ReceiveError) -> Status {
    match error {
        ReceiveError::Io(error) => stored(error),
        error => Status::invalid_argument(error.to_string()),
    }
}

fn panicked(_: tokio::task::JoinError) -> Status {
    Status::internal("the snapshot's writer panicked")
}

fn stored(error: io::Error) -> Status {
    Status::internal(format!("the snapshot cannot be stored: {error}"))
}
