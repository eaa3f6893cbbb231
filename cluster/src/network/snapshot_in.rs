//! Receives a checkpoint into a folder of its own and checks it before consensus hears of it.

use std::fs::File;
use std::io::{self, Write};

use bytes::Bytes;
use proto::cluster as pb;
use proto::cluster::snapshot_part::Part;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tonic::{Status, Streaming};

use super::snapshot_out::{CHUNK, IDLE};
use crate::consensus::{Snapshot, SnapshotMeta};
use crate::machine::StateReader;
use crate::snapshot::{ReceiveError, Receiving};

/// How many files a snapshot may have.
const FILES: usize = 100_000;

pub async fn next(parts: &mut Streaming<pb::SnapshotPart>) -> Result<Part, Status> {
    let part =
        timeout(IDLE, parts.message()).await.map_err(|_| Status::deadline_exceeded("the snapshot has stalled"))??;
    part.and_then(|part| part.part).ok_or_else(|| Status::invalid_argument("the snapshot ends before its end"))
}

pub async fn receive(
    reader: &StateReader,
    meta: SnapshotMeta,
    files: Vec<pb::SnapshotFile>,
    parts: &mut Streaming<pb::SnapshotPart>,
) -> Result<Snapshot, Status> {
    if files.len() > FILES {
        return Err(Status::invalid_argument("the snapshot names too many files"));
    }
    let mut open = Open { receiving: reader.receive().map_err(stored)?, checksum: crypto::Sha256::new(), file: None };
    for pb::SnapshotFile { name, size } in files {
        open = blocking(move || open.create(&name)).await?;
        let mut left = size;
        while left > 0 {
            let Part::Chunk(chunk) = next(parts).await? else {
                return Err(Status::invalid_argument("the snapshot lacks a part of a file"));
            };
            if chunk.is_empty() || chunk.len() > CHUNK || chunk.len() as u64 > left {
                return Err(Status::invalid_argument("a part of the snapshot has the wrong size"));
            }
            left -= chunk.len() as u64;
            open = blocking(move || open.write(&chunk)).await?;
        }
    }
    let Part::End(end) = next(parts).await? else {
        return Err(Status::invalid_argument("the snapshot has more than it announced"));
    };
    let Open { receiving, checksum, .. } = open;
    if checksum.finish()[..] != end.sha256[..] {
        return Err(Status::data_loss("the snapshot was damaged on its way"));
    }
    let named = meta.clone();
    let snapshot = blocking(move || receiving.finish(&named)).await?;
    Ok(Snapshot { meta, snapshot })
}

struct Open {
    receiving: Receiving,
    checksum: crypto::Sha256,
    file: Option<File>,
}

impl Open {
    fn create(mut self, name: &str) -> Result<Self, ReceiveError> {
        self.file = Some(self.receiving.create(name)?);
        Ok(self)
    }

    fn write(mut self, chunk: &Bytes) -> Result<Self, ReceiveError> {
        self.checksum.update(chunk);
        if let Some(file) = &mut self.file {
            file.write_all(chunk)?;
        }
        Ok(self)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ReceiveError> + Send + 'static,
) -> Result<T, Status> {
    spawn_blocking(work).await.map_err(|_| Status::internal("the snapshot's writer panicked"))?.map_err(|error| {
        match error {
            ReceiveError::Io(error) => stored(error),
            error => Status::invalid_argument(error.to_string()),
        }
    })
}

fn stored(error: io::Error) -> Status {
    Status::internal(format!("the snapshot cannot be stored: {error}"))
}
