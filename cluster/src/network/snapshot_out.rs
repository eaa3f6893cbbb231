//! Sends a checkpoint: a header, the files in chunks, an end with the checksum of all of them.
//!
//! Files are read on a blocking thread that runs at most a few chunks ahead of the connection, and goes no faster than it
//! may. There is no limit on the whole, which may take hours; a receiver that takes no chunk for a while ends it. What it
//! holds of an attempt that was broken off it says before, and is not sent again.

use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroU64;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use proto::cluster as pb;
use proto::cluster::consensus_client::ConsensusClient;
use proto::cluster::snapshot_part::Part;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::transport::Channel;

use super::wire::{self, WireError};
use crate::consensus::{Snapshot, Vote};
use crate::format::Form;
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
    rate: Option<NonZeroU64>,
) -> Result<Vote, SendError> {
    let Snapshot { meta, snapshot: checkpoint } = snapshot;
    let (checkpoint, files) = spawn_blocking(move || checkpoint.files().map(|files| (checkpoint, files)))
        .await
        .map_err(io::Error::other)??;
    let mut header = pb::SnapshotHeader {
        terms: Some(terms),
        vote: Some(wire::vote_out(&vote)),
        meta: encode_snapshot_meta(&meta, Form::of(terms.level)),
        files: files.iter().map(|(name, size)| pb::SnapshotFile { name: name.clone(), size: *size }).collect(),
        from: 0,
    };
    let held = timeout(HELD, consensus.snapshot_held(header.clone()));
    let held = held.await.map_err(|_| Status::deadline_exceeded("it does not say what it holds"))??;
    header.from = held.into_inner().bytes;
    if header.from > 0 {
        tracing::info!(from = header.from, "a snapshot is sent from where it was broken off");
    }
    let mut reading = Reading { checkpoint, files, checksum: crypto::Sha256::new() };
    let from = header.from;
    // Before the receiver waits for anything: the part that it holds may be large.
    let reading =
        spawn_blocking(move || reading.pass_over(from).map(|()| reading)).await.map_err(io::Error::other)??;

    let (parts, queue) = mpsc::channel(AHEAD);
    let reading = spawn_blocking(move || reading.push(header, &parts));
    let answer = consensus.snapshot(paced(ReceiverStream::new(queue), rate)).await;
    // The queue is gone by now, so the reader has ended or will at its next part.
    let read = reading.await.map_err(io::Error::other)?;
    let answer = answer?.into_inner();
    read?;
    Ok(wire::vote_in(answer.vote)?)
}

/// The checkpoint's files, one after the other.
struct Reading {
    checkpoint: Checkpoint,
    files: Vec<(String, u64)>,
    checksum: crypto::Sha256,
}

impl Reading {
    /// Counts what the receiver holds into the checksum.
    fn pass_over(&mut self, upto: u64) -> io::Result<()> {
        if upto > self.files.iter().map(|(_, size)| size).sum() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the receiver claims to hold more than there is"));
        }
        self.chunks(0, upto, &mut |_| Ok(()))
    }

    fn push(mut self, header: pb::SnapshotHeader, parts: &mpsc::Sender<pb::SnapshotPart>) -> io::Result<()> {
        let push = |part| {
            let part = pb::SnapshotPart { part: Some(part) };
            parts.blocking_send(part).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
        };
        let from = header.from;
        push(Part::Header(header))?;
        self.chunks(from, u64::MAX, &mut |chunk| push(Part::Chunk(chunk)))?;
        push(Part::End(pb::SnapshotEnd { sha256: Bytes::copy_from_slice(&self.checksum.finish()) }))
    }

    /// The bytes of all files from `from` up to `upto`. No chunk is of two files.
    fn chunks(&mut self, from: u64, upto: u64, each: &mut dyn FnMut(Bytes) -> io::Result<()>) -> io::Result<()> {
        let mut begins = 0;
        for (name, size) in &self.files {
            let (first, last) = (from.saturating_sub(begins).min(*size), upto.saturating_sub(begins).min(*size));
            begins += size;
            if first >= last {
                continue;
            }
            let mut file = File::open(self.checkpoint.folder().join(name))?;
            io::Seek::seek(&mut file, io::SeekFrom::Start(first))?;
            let mut left = last - first;
            while left > 0 {
                let mut chunk = vec![0; usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK))];
                file.read_exact(&mut chunk)?;
                left -= chunk.len() as u64;
                self.checksum.update(&chunk);
                each(Bytes::from(chunk))?;
            }
        }
        Ok(())
    }
}

/// Lets the parts go no faster than so many bytes a second; the first few are free.
fn paced(
    parts: ReceiverStream<pb::SnapshotPart>,
    rate: Option<NonZeroU64>,
) -> impl Stream<Item = pb::SnapshotPart> + Send + 'static {
    let (began, mut sent) = (Instant::now(), 0_u64);
    parts.then(move |part| {
        if let Some(Part::Chunk(chunk)) = &part.part {
            sent += chunk.len() as u64;
        }
        let at = rate.map(|rate| began + Duration::from_secs_f64(sent.saturating_sub(FREE) as f64 / rate.get() as f64));
        async move {
            if let Some(at) = at {
                sleep_until(at).await;
            }
            part
        }
    })
}

/// How long either side waits for the next part.
pub(super) const IDLE: Duration = Duration::from_secs(10);
pub(super) const CHUNK: usize = 1 << 20;
const HELD: Duration = Duration::from_secs(10);
const AHEAD: usize = 4;
/// Bytes that are sent without looking at the rate.
const FREE: u64 = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn parts_go_no_faster_than_they_may() {
        let rate = NonZeroU64::new(2 << 20);
        let (sender, queue) = mpsc::channel(64);
        for _ in 0..20 {
            let chunk = Part::Chunk(Bytes::from(vec![0; CHUNK]));
            sender.send(pb::SnapshotPart { part: Some(chunk) }).await.unwrap();
        }
        drop(sender);
        let began = Instant::now();
        assert_eq!(paced(ReceiverStream::new(queue), rate).count().await, 20);
        // 8 MiB are free, 12 MiB take six seconds.
        let took = began.elapsed();
        assert!((Duration::from_secs(6)..Duration::from_millis(6100)).contains(&took), "{took:?}");
    }
}
