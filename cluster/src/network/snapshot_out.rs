//! Sends a checkpoint: a header, the files in chunks, an end with the checksum of all chunks.
//!
//! Files are read on a blocking thread that runs at most a few chunks ahead of the connection. There is no limit on the
//! whole, which may take hours; a receiver that takes no chunk for a while ends it.

use std::fs::File;
use std::io::{self, Read};
use std::time::Duration;

use bytes::Bytes;
use proto::cluster as pb;
use proto::cluster::consensus_client::ConsensusClient;
use proto::cluster::snapshot_part::Part;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::transport::Channel;

use super::wire::{self, WireError};
use crate::consensus::{Snapshot, Vote};
use crate::log::encoding::encode_snapshot_meta;
use crate::snapshot::Checkpoint;

#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("the snapshot's files cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("the receiver failed: {0}")]
    Peer(#[from] Status),
    #[error("the receiver's answer is no answer: {0}")]
    Answer(#[from] WireError),
}

pub async fn send(
    mut consensus: ConsensusClient<Channel>,
    terms: pb::Terms,
    vote: Vote,
    snapshot: Snapshot,
) -> Result<Vote, SendError> {
    let (parts, queue) = mpsc::channel(AHEAD);
    let meta = encode_snapshot_meta(&snapshot.meta);
    let reading = tokio::task::spawn_blocking(move || {
        read(
            &snapshot.snapshot,
            pb::SnapshotHeader { terms: Some(terms), vote: Some(wire::vote_out(&vote)), meta, files: Vec::new() },
            &parts,
        )
    });
    let answer = consensus.snapshot(ReceiverStream::new(queue)).await;
    // The queue is gone by now, so the reader has ended or will at its next part.
    let read = reading.await.map_err(io::Error::other)?;
    let answer = answer?.into_inner();
    read?;
    Ok(wire::vote_in(answer.vote)?)
}

fn read(
    checkpoint: &Checkpoint,
    mut header: pb::SnapshotHeader,
    parts: &mpsc::Sender<pb::SnapshotPart>,
) -> io::Result<()> {
    let files = checkpoint.files()?;
    header.files = files.iter().map(|(name, size)| pb::SnapshotFile { name: name.clone(), size: *size }).collect();
    let push = |part| {
        let part = pb::SnapshotPart { part: Some(part) };
        parts.blocking_send(part).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    };
    push(Part::Header(header))?;
    let mut checksum = crypto::Sha256::new();
    for (name, size) in files {
        let mut file = File::open(checkpoint.folder().join(name))?.take(size);
        let mut left = size;
        while left > 0 {
            let mut chunk = vec![0; usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK))];
            file.read_exact(&mut chunk)?;
            left -= chunk.len() as u64;
            checksum.update(&chunk);
            push(Part::Chunk(Bytes::from(chunk)))?;
        }
    }
    push(Part::End(pb::SnapshotEnd { sha256: Bytes::copy_from_slice(&checksum.finish()) }))
}

/// How long either side waits for the next part.
pub(super) const IDLE: Duration = Duration::from_secs(10);
pub(super) const CHUNK: usize = 1 << 20;
const AHEAD: usize = 4;
