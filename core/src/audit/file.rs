//! The file device: lines appended by one thread, which takes together what has queued up.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::Device;

/// Entries that may wait for the file; then requests wait for the queue.
const QUEUE: usize = 1024;

type Line = (Bytes, oneshot::Sender<Result<(), String>>);

#[derive(Debug, thiserror::Error)]
#[error("the audit file {} cannot be opened for appending: {error}", path.display())]
pub struct FileError {
    path: PathBuf,
    error: std::io::Error,
}

pub struct FileDevice {
    name: String,
    queue: mpsc::Sender<Line>,
}

impl FileDevice {
    /// Creates the file, readable by its owner alone, if it is not there.
    pub fn open(name: &str, path: &Path, mode: u32, prefix: &str) -> Result<Self, FileError> {
        let prefix = prefix.to_owned();
        let failed = |error| FileError { path: path.to_owned(), error };
        let file = OpenOptions::new().create(true).append(true).mode(mode).open(path).map_err(failed)?;
        let (queue, lines) = mpsc::channel(QUEUE);
        std::thread::Builder::new()
            .name("audit-file".into())
            .spawn(move || run(file, &prefix, lines))
            .map_err(failed)?;
        Ok(Self { name: name.to_owned(), queue })
    }
}

#[async_trait]
impl Device for FileDevice {
    fn name(&self) -> &str {
        &self.name
    }

    async fn write(&self, line: Bytes) -> Result<(), String> {
        let (done, written) = oneshot::channel();
        self.queue.send((line, done)).await.map_err(|_| "the writer has stopped".to_owned())?;
        written.await.map_err(|_| "the writer has stopped".to_owned())?
    }
}

fn run(mut file: File, prefix: &str, mut lines: mpsc::Receiver<Line>) {
    // A write that failed may have left half a line; the next entry begins on a new one.
    let mut torn = false;
    while let Some(first) = lines.blocking_recv() {
        let mut waiting = vec![first];
        while waiting.len() < QUEUE
            && let Ok(next) = lines.try_recv()
        {
            waiting.push(next);
        }
        let mut together = if torn { vec![b'\n'] } else { Vec::new() };
        for (line, _) in &waiting {
            together.extend_from_slice(prefix.as_bytes());
            together.extend_from_slice(line);
        }
        let result = file.write_all(&together).map_err(|e| e.to_string());
        torn = result.is_err();
        for (_, done) in waiting {
            // Nobody waits any more if the request ran out of time.
            let _ = done.send(result.clone());
        }
    }
}
