//! Bodies that do not fit into memory: pieces that go through a pipe, a few at a time, in either direction.
//!
//! The end counts only when the writer has said that it is one: a writer that goes away has broken the body off, and
//! the reader knows.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc;

/// How many pieces may be under way.
const PIECES: usize = 8;

enum Piece {
    Bytes(Bytes),
    Broken(String),
    End,
}

/// The reading end, to be passed on until somebody opens it. What is passed on twice can be opened once.
#[derive(Clone)]
pub struct Pipe(Arc<Mutex<Option<mpsc::Receiver<Piece>>>>);

pub struct PipeReader {
    pieces: mpsc::Receiver<Piece>,
    over: bool,
}

#[derive(Clone)]
pub struct PipeWriter(mpsc::Sender<Piece>);

/// Nobody reads any more.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("nobody reads any more")]
pub struct Closed;

pub fn pipe() -> (PipeWriter, Pipe) {
    let (writer, pieces) = mpsc::channel(PIECES);
    (PipeWriter(writer), Pipe(Arc::new(Mutex::new(Some(pieces)))))
}

impl Pipe {
    pub fn open(&self) -> Option<PipeReader> {
        let pieces = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(PipeReader { pieces, over: false })
    }
}

impl PipeReader {
    /// The next piece, or why there is none. `None` is the end that the writer meant.
    pub async fn next(&mut self) -> Option<Result<Bytes, String>> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    pub fn poll_next(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Option<Result<Bytes, String>>> {
        if self.over {
            return std::task::Poll::Ready(None);
        }
        self.pieces.poll_recv(cx).map(|piece| match piece {
            Some(Piece::Bytes(bytes)) => Some(Ok(bytes)),
            Some(Piece::End) => {
                self.over = true;
                None
            }
            Some(Piece::Broken(why)) => {
                self.over = true;
                Some(Err(why))
            }
            None => {
                self.over = true;
                Some(Err("it was broken off".to_owned()))
            }
        })
    }
}

impl PipeWriter {
    /// Waits while the pipe is full.
    pub async fn send(&self, bytes: Bytes) -> Result<(), Closed> {
        self.0.send(Piece::Bytes(bytes)).await.map_err(|_| Closed)
    }

    /// Returns once nobody reads any more.
    pub async fn closed(&self) {
        self.0.closed().await;
    }

    pub async fn finish(self) -> Result<(), Closed> {
        self.0.send(Piece::End).await.map_err(|_| Closed)
    }

    pub async fn fail(self, why: String) -> Result<(), Closed> {
        self.0.send(Piece::Broken(why)).await.map_err(|_| Closed)
    }
}

impl fmt::Debug for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pipe")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_an_end_that_was_meant_is_one() {
        let (writer, pipe) = pipe();
        writer.send(Bytes::from_static(b"a")).await.unwrap();
        writer.finish().await.unwrap();
        let mut reader = pipe.open().unwrap();
        assert!(pipe.clone().open().is_none(), "it can be read once");
        assert_eq!(reader.next().await, Some(Ok(Bytes::from_static(b"a"))));
        assert_eq!(reader.next().await, None);
        assert_eq!(reader.next().await, None);

        let (writer, pipe) = super::pipe();
        drop(writer);
        let mut reader = pipe.open().unwrap();
        assert!(matches!(reader.next().await, Some(Err(_))), "the writer has gone away");
        assert_eq!(reader.next().await, None);

        let (writer, pipe) = super::pipe();
        drop(pipe);
        writer.closed().await;
        assert!(writer.send(Bytes::new()).await.is_err());
    }
}
